import DebianFormats
import FoundationEssentials
import Glibc
import Host
import Nodes
import Sandbox
import SnapshotTree
import Store
import SystemPackage

/// A node's own apt at work, with the shared indices and package files, and with nothing of the host's.
package final class AptSession {
  /// The node.
  package let node: NodeID
  let cache: PackageCache
  private(set) var workspace: AptWorkspace
  /// What the indices of the session lack; nil if nothing.
  var missing: MissingIndices?
  /// Files of the host that the request names, shown in the sandbox as `/run/ast/local/<index>/<name>`.
  private var local: [FilePath] = []
  /// The keys of the indices of the roots that the session has worked with, which do not change.
  private var keys: [FilePath: IndicesKey] = [:]
  let store: Store
  /// What a sandbox shows so that kernel modules are signed; nil if they are not.
  var signing: Sandbox.Bind?

  package init(for node: NodeID, in store: Store) throws {
    self.node = node
    self.store = store
    cache = try PackageCache(in: store)
    workspace = try AptWorkspace(in: cache.path)
    try addHook()
  }

  /// Begins again with a workspace in which no program has run yet.
  func startAnew() throws {
    workspace = try AptWorkspace(in: cache.path)
    try addHook()
  }

  private func addHook() throws {
    let hook = workspace.given.appending("hook")
    try Files.write(AptHook.program(writingTo: "\(Self.inside)/decision").utf8, to: hook)
    try Files.setMode(hook, 0o755)
  }

  /// A sandbox with `root` as its root, in which apt works with the files of this session.
  ///
  /// There is a network only for fetching: what is planned, carried out and checked must not depend on it.
  package func sandbox(_ root: FilePath, network: Sandbox.Network = .isolated) throws -> Sandbox {
    var sandbox = try store.sandbox(for: node, at: root, network: network)
    sandbox.binds += [
      Sandbox.Bind(workspace.writable, at: FilePath(Self.inside), isReadOnly: false),
      Sandbox.Bind(workspace.given, at: FilePath(Self.given)),
      Sandbox.Bind(cache.packages, at: FilePath(Self.packages)),
    ]
    sandbox.binds += local.enumerated().map { index, file in Sandbox.Bind(file, at: FilePath(inside(file, index))) }
    sandbox.binds += [signing].compactMap(\.self)
    sandbox.environment.merge(Self.environment) { $1 }
    return sandbox
  }

  /// The words of a request as apt in the sandbox gets them: paths of the host's files become paths in the sandbox.
  ///
  /// - Throws: `AstError` for a missing file, and for an empty word, which apt would skip.
  func arguments(for names: [String]) throws -> [String] {
    try names.map { name in
      guard !name.isEmpty else { throw AstError(.usage, "the name of a package is empty", state: .unchanged) }
      guard PackageRequest.isFile(name) else { return name }
      guard let real = realpath(name, nil) else {
        throw AstError(.notFound, "cannot read \(name): \(Errno(rawValue: errno))", state: .unchanged)
      }
      defer { free(real) }
      let file = FilePath(platformString: real)
      var status = stat()
      guard stat(file.string, &status) == 0, status.st_mode & S_IFMT == S_IFREG, file.extension == "deb" else {
        throw AstError(.usage, "\(name) is not a .deb file", state: .unchanged)
      }
      if let known = local.firstIndex(of: file) { return inside(file, known) }
      local.append(file)
      return inside(file, local.count - 1)
    }
  }

  /// What apt knows of the archives.
  enum Lists {
    /// All sources of the node.
    case all
    /// The sources of security updates. The tables that apt computes are those of all sources, so it does without.
    case security

    fileprivate var options: [String] {
      switch self {
      case .all:
        [
          "Dir::State::lists=\(inside)/lists", "Dir::Cache::pkgcache=pkgcache.bin",
          "Dir::Cache::srcpkgcache=srcpkgcache.bin",
        ]
      case .security:
        ["Dir::State::lists=\(given)/\(securityLists)", "Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache="]
      }
    }
  }

  /// The beginning of a command line of one of apt's programs, with the paths of the session.
  func apt(_ program: String, _ lists: Lists = .all) -> [String] {
    let cache = ["Dir::Cache=\(Self.inside)/cache", "Dir::Cache::archives=archives"]
    return [program, "-qq"] + (lists.options + cache).flatMap { ["-o", $0] }
  }

  /// The key of the indices of `root`, a generation of the node.
  func indicesKey(of root: FilePath) throws -> IndicesKey {
    if let known = keys[root] { return known }
    let key = try IndicesKey(of: node, at: root, in: cache)
    keys[root] = key
    return key
  }

  /// Runs a program and collects its standard output.
  ///
  /// - Throws: `AstError` with the program's message if it does not end with status 0, or cannot be started.
  package func output(
    of command: [String], in root: FilePath, network: Sandbox.Network = .isolated, explaining failure: String
  ) throws -> String {
    let run = try collect(command, in: root, network: network)
    guard run.end == .exited(0) else { throw try self.failure("\(failure): \(AptMessages.sentence(run.said))") }
    return run.output
  }

  /// The error for a program that failed. On a full disk most programs fail, whatever they say about it.
  func failure(_ reason: String, state: AstError.State? = nil, hint: String? = nil) throws -> AstError {
    let isFull = try store.isFull() || reason.contains(String(cString: strerror(ENOSPC)))
    return AstError(isFull ? .noSpace : .failed, reason, state: state, hint: isFull ? AstError.spaceHint : hint)
  }

  /// Runs a program and collects its standard output and standard error.
  func collect(
    _ command: [String], in root: FilePath, network: Sandbox.Network = .isolated
  ) throws -> (end: ProgramEnd, output: String, said: String) {
    var output = OutputStart(limit: Self.largestOutput)
    var said = OutputEnds()
    let end: ProgramEnd
    do {
      end = try sandbox(root, network: network).run(command, output: { output.add($0) }, error: { said.add($0) })
    } catch let error as SandboxError where error.status == 127 {
      throw AstError(.failed, "node \(node) has no \(command[0]): it is not a Debian with apt")
    }
    guard !output.isCut else {
      throw AstError(
        .failed, "\(command[0]) of node \(node) prints more than \(Self.largestOutput >> 20) MiB", state: .unchanged)
    }
    return (end, output.text, said.text)
  }

  /// The output that is kept of a program, in bytes: apt-cache prints some 100 MB about all of Debian's packages, and
  /// ast asks it about the packages of a plan.
  private static let largestOutput = 1 << 26

  /// The decision that apt told the hook.
  func decision() throws -> AptHook.Decision? {
    let text = try workspace.written.contents(of: "decision") ?? Data()
    do {
      return try AptHook.decision(in: String(decoding: text, as: UTF8.self))
    } catch {
      throw AstError(.failed, "the apt of node \(node) does not keep to the protocol of its hooks", state: .unchanged)
    }
  }

  /// The writable directory of the session in the sandbox.
  static let inside = "/run/ast/apt"
  /// The read-only directory of the session in the sandbox.
  static let given = "/run/ast/given"
  /// The directory in ``given`` with the lists of security updates.
  static let securityLists = "security"
  /// The directory of the package files in the sandbox.
  static let packages = "/run/ast/packages"
  /// The hook, as options of apt-get(8).
  static let hook = ["Install", "Upgrade"].flatMap { ["-o", "AptCli::Hooks::\($0)::=\(given)/hook"] }

  /// The files of the host that the request names, by their paths in the sandbox.
  var localFiles: [String] { local.enumerated().map { inside($1, $0) } }

  /// apt skips a file with a colon in its name, and reads escapes and patterns in others: such characters become `_`.
  private func inside(_ file: FilePath, _ index: Int) -> String {
    let name = file.lastComponent?.string ?? "package.deb"
    let plain = name.unicodeScalars.map { Self.plain.contains($0) ? Character($0) : "_" }
    return "/run/ast/local/\(index)/\(String(plain))"
  }

  private static let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-+_".unicodeScalars)

  /// The settings that keep packages from asking questions (debconf(7), ucf(1), needrestart(1), apt-listchanges(1)).
  private static let environment = [
    "DEBIAN_FRONTEND": "noninteractive", "DEBCONF_NONINTERACTIVE_SEEN": "true", "UCF_FORCE_CONFFOLD": "1",
    "NEEDRESTART_MODE": "l", "NEEDRESTART_SUSPEND": "1", "APT_LISTCHANGES_FRONTEND": "none",
    "APT_LISTBUGS_FRONTEND": "none", "PAGER": "cat",
  ]
}
