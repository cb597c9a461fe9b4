import SystemPackage

/// A place to run a program with a directory as its root file system, so that nothing but that directory can be harmed.
///
///     var sandbox = Sandbox(root: "/.snapshots/nodes/3/.17")
///     sandbox.binds = [.resolverConfiguration]
///     let result = try sandbox.run(["apt-get", "install", "-y", "hello"])
///
/// The program has mount, process, IPC and host name namespaces of its own, a fresh `/proc`, `/dev`, `/run` and `/tmp`, a
/// read-only `/sys`, no descriptor but the standard three, and neither the capabilities nor the system calls that lead
/// out. When it ends, everything it started ends. The same happens when the caller is killed, and nothing stays
/// mounted. `/run/ast/sandbox` exists inside.
///
/// It is a wall against programs in a node, with these gaps: the processor is shared, and so is memory without ``Limits``;
/// the program can use the standard streams; with the host's network it reaches all that the host does, the host's own
/// services included, and with Linux older than 6.12 its abstract Unix sockets.
public struct Sandbox: Sendable {
  /// The directory that becomes `/`. It may be on any file system, mounted in any way.
  public var root: FilePath

  /// Files and directories of the host to show inside.
  public var binds: [Bind] = []

  /// The most that the program and all that it starts may use; anything unless said otherwise.
  public var limits = Limits()

  /// The network inside; the host's unless said otherwise.
  public var network: Network = .host

  /// Whether `sync`, `fsync` and their kin do nothing inside. A clone that one `syncfs(2)` seals does not need them.
  public var suppressesSync = true

  /// Whether packages may start services: if not, a `policy-rc.d` that forbids it stands in `/usr/sbin` during the run.
  public var startsServices = true

  /// The whole environment of the program; nothing is inherited.
  public var environment: [String: String] = [
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
  ]

  /// The working directory of the program, a path inside.
  public var workingDirectory: FilePath = "/"

  /// The name of the transaction, which `/run/ast/transaction` inside says.
  public var transaction: String?

  /// A sandbox around a directory, with defaults for everything else.
  public init(root: FilePath) { self.root = root }
}

extension Sandbox {
  /// A file or directory of the host that is shown inside, without set-user-ID programs and device nodes working in it.
  public struct Bind: Sendable, Hashable {
    /// The path on the host. It must exist; a symbolic link is followed.
    public var source: FilePath
    /// The absolute path inside. It is made for the run if it is missing.
    public var target: FilePath
    /// Whether the program must not change it.
    public var isReadOnly: Bool

    /// A bind, read-only unless said otherwise.
    public init(_ source: FilePath, at target: FilePath, isReadOnly: Bool = true) {
      self.source = source
      self.target = target
      self.isReadOnly = isReadOnly
    }

    /// The host's `/etc/resolv.conf`: names resolve inside as they do outside.
    public static let resolverConfiguration = Bind("/etc/resolv.conf", at: "/etc/resolv.conf")
  }

  /// The network that the program sees.
  public enum Network: Sendable, Hashable {
    /// The network of the host.
    case host
    /// A loopback interface only.
    case isolated
    /// What a network of its own reaches. The program cannot send raw frames.
    case joined(UserNetwork)
  }

  /// The place inside of the policy script of a run without services.
  public static let servicePolicy: FilePath = "/usr/sbin/policy-rc.d"
}
