import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

@Suite("Package commands beside each other", .requiresRoot, .serialized)
struct PackageConcurrencyTests {
  private static let tool = DebPackage("tool", files: ["/usr/share/tool": "hammer\n"])
  private static let greeter = DebPackage("greeter", files: ["/usr/share/greeter": "hello\n"])
  /// Its installation continues when a file is made in the clone.
  private static let waiting = DebPackage(
    "waiting", scripts: [.postinst: "touch /root/waits; until [ -e /root/go ]; do sleep 0.02; done"])

  private static let packages = Result { try PackageStore(publishing: [tool, greeter, waiting]) }

  let node: PackageNode

  init() throws {
    node = try PackageNode(in: Self.packages.get())
    // Then only the work itself takes time.
    try node.ast("install", "-n", "tool").expectSuccess()
  }

  /// Starts an installation that waits in its script.
  private func startWaiting() throws -> (command: StartedCommand, clone: FilePath) {
    let command = try node.start("install", "waiting")
    let directory = node.store.root.appending("nodes/\(node.id)")
    var clone: FilePath?
    try eventually("the work in node \(node.id)") {
      clone = try FileManager.default.contentsOfDirectory(atPath: directory.string).filter { $0.hasPrefix(".") }
        .map(directory.appending).first { FileManager.default.fileExists(atPath: $0.appending("root/waits").string) }
      return clone != nil
    }
    return (command, clone ?? directory)
  }

  private func go(_ clone: FilePath) throws { try runSuccessfully(["touch", clone.appending("root/go").string]) }

  @Test func nodeThatIsWorkedOnIsBusy() throws {
    let (work, clone) = try startWaiting()
    let asked = node.repository.server.exchanges.count
    for words in [
      ["install", "\(node.id)", "greeter"], ["remove", "\(node.id)", "tool"], ["upgrade", "\(node.id)"],
      ["--wait=0.2", "install", "\(node.id)", "greeter"],
    ] {
      let refused = try node.store.ast(words)
      #expect(refused.status == 4, "\(words): \(refused)")
      #expect(
        refused.said.first?.withoutTransactionOfHolder.hasPrefix(
          "ast: node \(node.id) is busy: `ast install \(node.id) waiting` (pid \(work.pid), since ") == true,
        "\(refused)")
    }
    // This is found before anything is fetched.
    #expect(node.repository.server.exchanges.count == asked)
    // Verbs that only read do not wait.
    try node.ast("install", "-n", "greeter").expectSuccess()
    try node.ast("list").expectSuccess()
    try node.ast("refresh").expectSuccess()
    #expect(work.isRunning)
    try go(clone)
    #expect(try work.wait().status == 0)
    #expect(try node.added() == ["waiting:all 1.0"])
    try node.expectUntouched(since: node.state())
  }

  @Test func whoeverWaitsGetsBothDone() throws {
    let (work, clone) = try startWaiting()
    let others = [try node.start("install", "--wait", "tool"), try node.start("install", "--wait", "greeter")]
    usleep(300_000)
    for other in others { #expect(other.isRunning) }
    try go(clone)
    #expect(try work.wait().status == 0)
    for other in others {
      let end = try other.wait()
      #expect(end.status == 0, "\(end)")
    }
    #expect(try node.added() == ["greeter:all 1.0", "tool:all 1.0", "waiting:all 1.0"])
    #expect(try node.ast("info", "--json").json["data"]["generation"] == .number(4))
    try node.expectUntouched(since: node.state())
  }

  @Test(arguments: ["install", "tree-rmpkg"])
  func whoeverWaitsCanBeInterrupted(verb: String) throws {
    let (work, clone) = try startWaiting()
    let before = try node.state()
    let waiting = try node.start(verb, "--wait", verb == "install" ? "tool" : "apt")
    usleep(500_000)
    #expect(waiting.isRunning)
    waiting.send(SIGINT)
    let end = try waiting.wait()
    #expect(end.signal == SIGINT || end.status == 130 || end.status == 6, "\(end)")
    #expect(try node.state() == before)
    #expect(work.isRunning)
    try go(clone)
    #expect(try work.wait().status == 0)
    try node.expectUntouched(since: node.state())
  }

  @Test func threeNodesAreWorkedOnAtOnce() throws {
    let own = DebPackage("own", files: ["/usr/share/own": .init(String(repeating: "own\n", count: 50_000))])
    let first = try PackageNode(in: Self.packages.get(), publishing: [own])
    let nodes = [first, try first.clone(), try first.clone()]
    let works = try nodes.map { try $0.start("install", "own") }
    for work in works {
      let end = try work.wait()
      #expect(end.status == 0, "\(end)")
    }
    for node in nodes {
      #expect(try node.added() == ["own:all 1.0"])
      #expect(try node.shell("dpkg --verify own") == [])
    }
    // Three commands that need the same file fetch it once.
    #expect(first.sent(own) == 1)
    #expect(try first.repository.server.bodies(for: first.repository.indexPath) == 1)
    try first.expectUntouched(since: first.state())
  }

  @Test func otherNodesGoOnWhileOneIsWorkedOn() throws {
    let (work, clone) = try startWaiting()
    let other = try PackageNode(in: Self.packages.get())
    try other.ast("install", "tool").expectSuccess()
    #expect(work.isRunning)
    try go(clone)
    #expect(try work.wait().status == 0)
  }
}
