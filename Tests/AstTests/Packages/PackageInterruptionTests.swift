import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// Commands about packages that get a stop signal, or are killed, at any stage.
@Suite("Package commands that do not come to their end", .requiresRoot, .serialized)
struct PackageInterruptionTests {
  private static let size = 200_000
  /// The cache knows files by their content, so this one differs from those of other tests.
  private let large = DebPackage(
    "large",
    files: [
      "/usr/share/large": .init(
        String(repeating: "\(UInt64.random(in: 0 ... .max)) 0123456789", count: size / 10).prefix(size).description)
    ])
  /// Its installation never ends.
  private static let stuck = DebPackage("stuck", scripts: [.postinst: "sleep 1000 & sleep 1001"])

  private static let packages = Result { try PackageStore() }

  /// The stage of a command.
  enum Moment: CaseIterable { case refresh, download, work }

  private func node(with packages: [DebPackage]) throws -> PackageNode {
    try PackageNode(in: Self.packages.get(), publishing: packages)
  }

  /// Starts a command, and waits until it is at this stage.
  private func start(_ node: PackageNode, until moment: Moment) throws -> StartedCommand {
    let server = node.repository.server
    switch moment {
    case .refresh:
      let index = try node.repository.indexPath
      server.stall(index, after: 100)
      let command = try node.start("install", "large")
      try server.waitForStall(at: index)
      return command
    case .download:
      let path = node.repository.path(of: large)
      server.stall(path, after: 150_000)
      let command = try node.start("install", "large")
      try server.waitForStall(at: path)
      return command
    case .work:
      let command = try node.start("install", "stuck")
      try node.store.awaitProcess(named: "sleep", in: node.id)
      return command
    }
  }

  private func resume(_ node: PackageNode) throws {
    node.repository.server.resume(try node.repository.indexPath)
    node.repository.server.resume(node.repository.path(of: large))
  }

  @Test(arguments: Moment.allCases, [SIGINT, SIGTERM, SIGKILL])
  func commandThatIsStoppedLeavesTheNodeAsItWas(moment: Moment, signal: Int32) throws {
    let node = try node(with: [large, Self.stuck])
    let before = try node.state()
    let command = try start(node, until: moment)
    let asked = ContinuousClock.now
    command.send(signal)
    let end = try command.wait()
    // It does not wait for a time-out, of a program that got a signal or of apt for a silent server.
    #expect(ContinuousClock.now - asked < .seconds(10))
    #expect(end.signal == signal || end.status == 128 + signal, "\(end)")
    try resume(node)
    try node.expectUntouched(since: before)
    try node.ast("install", "large").expectSuccess()
    #expect(try node.shell("dpkg --verify large; wc --bytes </usr/share/large") == ["\(Self.size)"])
  }

  /// Only the incomplete file is fetched again from its beginning, because apt does not know what it belongs to.
  @Test(arguments: [SIGINT, SIGKILL])
  func whatWasFetchedIsNotFetchedAgain(signal: Int32) throws {
    let first = DebPackage("a-first", files: ["/usr/share/first": .init("\(UInt64.random(in: 0 ... .max))")])
    let node = try node(with: [first, large])
    let path = node.repository.path(of: large)
    node.repository.server.stall(path, after: 150_000)
    let command = try node.start("install", "a-first", "large")
    try node.repository.server.waitForStall(at: path)
    command.send(signal)
    _ = try command.wait()
    #expect(node.sent(first) == 1)
    node.repository.server.resume(path)
    try node.ast("install", "a-first", "large").expectSuccess()
    #expect(node.sent(first) == 1)
    #expect(try runSuccessfully(["find", "\(node.store.root)/cache/apt/partial", "-type", "f"]) == "")
    #expect(try node.shell("dpkg --verify a-first large; wc --bytes </usr/share/large") == ["\(Self.size)"])
  }

  @Test(arguments: ["dpkg", "apt-get"])
  func programThatIsKilledInTheSandboxDiscards(program: String) throws {
    let node = try node(with: [Self.stuck])
    let before = try node.state()
    let command = try start(node, until: .work)
    kill(try node.store.awaitProcess(named: program, in: node.id), SIGKILL)
    let end = try command.wait()
    #expect(end.status == 1, "\(end)")
    #expect(end.stderr.contains("ast: node \(node.id): "), "\(end)")
    try node.expectUntouched(since: before)
  }

  @Test func sandboxThatIsKilledDiscards() throws {
    let node = try node(with: [Self.stuck])
    let before = try node.state()
    let command = try start(node, until: .work)
    // The first process of the sandbox is the only one whose parent is ast.
    let first = try node.store.processes(in: node.id).compactMap {
      $0.split(separator: " ").first.flatMap { pid_t($0) }
    }.min()
    kill(try #require(first), SIGKILL)
    let end = try command.wait()
    #expect(end.status == 1, "\(end)")
    #expect(end.said.contains { $0.hasPrefix("ast: ") }, "\(end)")
    try node.expectUntouched(since: before)
  }

  @Test func controlCOnATerminalEndsTheWork() throws {
    let node = try node(with: [Self.stuck])
    let before = try node.state()
    let terminal = try PseudoTerminal(
      [AstBinary.path.string, "-y", "install", "\(node.id)", "stuck"],
      environment: plainEnvironment.merging(["AST_STORE": node.store.root.string]) { $1 })
    try node.store.awaitProcess(named: "sleep", in: node.id)
    try terminal.send("\u{3}")
    try terminal.expect("interrupted by signal 2")
    #expect(try terminal.waitForExit() == 130)
    try node.expectUntouched(since: before)
  }

  @Test func whoeverWaitsForAnothersDownloadCanBeInterrupted() throws {
    let node = try node(with: [large])
    let other = try self.node(with: [large])
    let before = try other.state()
    let command = try start(node, until: .refresh)
    let waiting = try other.start("install", "large")
    usleep(300_000)
    #expect(waiting.isRunning)
    waiting.send(SIGINT)
    let end = try waiting.wait()
    #expect(end.signal == SIGINT || end.status == 130, "\(end)")
    #expect(command.isRunning)
    try resume(node)
    #expect(try command.wait().status == 0)
    try other.expectUntouched(since: before)
  }
}
