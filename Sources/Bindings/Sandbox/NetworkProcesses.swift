import CSandbox
import Glibc
import SystemPackage

/// The two processes of a network of its own. They end with this object, or with the thread that made it.
final class NetworkProcesses {
  /// The namespace. Who has joined it keeps it when the processes end, without a way out.
  private(set) var namespace = FileDescriptor(rawValue: -1)
  private var holder = sandbox_process(pid: -1, pidfd: -1)
  private var pasta = sandbox_process(pid: -1, pidfd: -1)

  /// Starts them, and waits until everything is configured.
  ///
  /// - Throws: ``UserNetworkError``.
  init(_ plan: UserNetwork.Plan) throws {
    var user = sandbox_network_user(user: plan.user, group: plan.group)
    let refused = try Self.own() + plan.refused
    let step = sandbox_network_hold(&user, refused.map(\.plain), refused.count, &holder)
    guard step == SANDBOX_NETWORK_STEP_NONE else { throw UserNetworkError(step, Errno(rawValue: errno)) }
    namespace = try Self.open(namespaceOf: holder)
    try connect(plan, user, refused)
  }

  deinit {
    if namespace.rawValue >= 0 { try? namespace.close() }
    sandbox_network_end(&pasta)
    sandbox_network_end(&holder)
  }

  // MARK: Steps

  private static func own() throws -> [AddressPrefix] {
    do throws(Errno) {
      return try AddressPrefix.own()
    } catch {
      throw UserNetworkError.addresses(error)
    }
  }

  /// Beyond the standard streams, whose places the sandbox fills.
  private static func open(namespaceOf holder: sandbox_process) throws -> FileDescriptor {
    let first = Glibc.open("/proc/\(holder.pid)/ns/net", O_RDONLY | O_CLOEXEC)
    guard first >= 0 else { throw UserNetworkError.processes(Errno(rawValue: errno)) }
    defer { close(first) }
    let moved = fcntl(first, F_DUPFD_CLOEXEC, 3)
    guard moved >= 0 else { throw UserNetworkError.processes(Errno(rawValue: errno)) }
    return FileDescriptor(rawValue: moved)
  }

  private func connect(
    _ plan: UserNetwork.Plan, _ user: sandbox_network_user, _ refused: [AddressPrefix]
  ) throws {
    var user = user
    let strings = CStrings()
    let words = strings.list([plan.pasta.string] + UserNetwork.options(for: plan) + ["\(holder.pid)"])
    var pipe: CInt = -1
    let step = withExtendedLifetime(strings) { sandbox_network_connect(&user, words, &pipe, &pasta) }
    guard step == SANDBOX_NETWORK_STEP_NONE else { throw UserNetworkError(step, Errno(rawValue: errno)) }
    let messages = FileDescriptor(rawValue: pipe)
    defer { try? messages.close() }
    try awaitConfiguration(messages)
    var gateway = UserNetwork.gateway.plain
    guard sandbox_network_filter(&pasta, &gateway, refused.map(\.plain), refused.count) == 0 else {
      throw UserNetworkError.filter(Errno(rawValue: errno))
    }
  }

  /// Waits until pasta has set up the interface, and is in its own sandbox, which is its last step. It could say so in a
  /// file, but the AppArmor profile of Debian's package does not let it write one where ast could look.
  private func awaitConfiguration(_ messages: FileDescriptor) throws {
    let deadline = ContinuousClock.now + .seconds(5)
    while ContinuousClock.now < deadline {
      var ended = pollfd(fd: pasta.pidfd, events: Int16(POLLIN), revents: 0)
      // Short beside the time that it takes, 20 ms and more.
      if poll(&ended, 1, 1) > 0 { throw UserNetworkError.pasta(Self.lastWords(messages)) }
      if isConfigured { return }
    }
    throw UserNetworkError.late
  }

  private var isConfigured: Bool {
    let routes = ["route", "ipv6_route"].contains { name in
      Self.content(of: "/proc/\(holder.pid)/net/\(name)").split(separator: "\n").contains(where: Self.isDefaultRoute)
    }
    return routes && Self.content(of: "/proc/\(pasta.pid)/status").contains("\nSeccomp:\t2\n")
  }

  /// Whether a line of one of these files is a default route through the interface. /proc/net/route has destination and
  /// mask as its second and eighth word, /proc/net/ipv6_route destination and length as its first two.
  private static func isDefaultRoute(_ line: Substring) -> Bool {
    let words = line.split(whereSeparator: \.isWhitespace)
    if words.count > 7, words[0] == UserNetwork.interface { return words[1] == "00000000" && words[7] == "00000000" }
    guard words.count > 9, words[9] == UserNetwork.interface else { return false }
    return words[0].allSatisfy { $0 == "0" } && words[1] == "00"
  }

  private static func lastWords(_ messages: FileDescriptor) -> String {
    let lines = text(messages).split(separator: "\n")
    return lines.last.map(String.init) ?? "it ended without a message"
  }

  private static func content(of path: String) -> String {
    guard let file = try? FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec) else { return "" }
    defer { try? file.close() }
    return text(file)
  }

  /// At most 64 KiB.
  private static func text(_ file: FileDescriptor) -> String {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 12)
    while bytes.count < 1 << 16, let count = try? buffer.withUnsafeMutableBytes({ try file.read(into: $0) }), count > 0
    {
      bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
