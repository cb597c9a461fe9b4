import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// A command that gets a stop signal at any moment: it has done everything or nothing, and has cleaned up.
///
/// `AST_KILL_SEED` repeats a run, except for its timing.
@Suite("Interruptions", .requiresRoot)
struct InterruptionTests {
  @Test(arguments: Interrupted.all, [SIGINT, SIGTERM, SIGHUP])
  func interruptedCommandLeavesNothingBehind(command: Interrupted, signal: Int32) throws {
    let seed = getenv("AST_KILL_SEED").flatMap { UInt64(String(cString: $0)) } ?? UInt64.random(in: 0 ... .max)
    var random = SeededGenerator(seed: seed)
    let store = try Interrupted.newStore()
    for attempt in 1...command.attempts {
      let arguments = try command.prepare(store)
      let old = try StoreContents(store)
      let delay = UInt32.random(in: 0...command.duration, using: &random)
      let end = try store.interrupt(arguments, input: command.input, by: signal, after: delay)
      let what = "attempt \(attempt), after \(delay) µs, seed \(seed): \(end)"
      // The signal itself ends the command before there is anything to clean up.
      #expect(end.status == 0 || end.signal == signal || end.status == 128 + signal, "\(what)")
      #expect(try (StoreContents(store) == old) == (end.status != 0), "\(what)")
      #expect(try Consistency.problems(of: store) == [], "\(what)")
    }
  }

  /// There are no incomplete stores, and an interrupted `init` can be run again.
  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func interruptedInitLeavesNothingBehind(signal: Int32) throws {
    let arguments = ["init", "--directory", try TinyRoot.path.string]
    for _ in 1...6 {
      let store = TestStore(existing: try LoopBtrfs.shared.newDirectory())
      let delay = UInt32.random(in: 0...150_000)
      let end = try store.interrupt(arguments, by: signal, after: delay)
      let what = "after \(delay) µs: \(end)"
      #expect(end.status == 0 || end.signal == signal || end.status == 128 + signal, "\(what)")
      let subvolumes = try runSuccessfully(["btrfs", "subvolume", "list", "-o", store.root.string])
      #expect(subvolumes.isEmpty == (end.status != 0), "\(what)")
      let again = try store.ast(arguments)
      #expect(again.status == (end.status == 0 ? 5 : 0), "\(what), then \(again)")
      #expect(try store.ast("tree").expectSuccess().stdout == "root\n└── 0*- base snapshot\n", "\(what)")
      #expect(try Consistency.problems(of: store) == [], "\(what)")
    }
  }

  @Test func hangUpThatTheCallerIgnoresDoesNotDiscardTheWork() throws {
    let store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    let work = try StartedCommand(
      [
        "sh", "-c", "trap '' HUP; exec \"$@\"", "sh", "\(AstBinary.path)", "run", "1", "sh", "-c",
        "touch /new; sleep 1",
      ],
      environment: plainEnvironment.merging(["AST_STORE": store.root.string]) { $1 })
    try eventually("the work") {
      try !runSuccessfully(["find", "\(store.root)/nodes/1/", "-maxdepth", "2", "-name", "new"]).isEmpty
    }
    work.send(SIGHUP)
    #expect(try work.wait().status == 0)
    #expect(try store.ast("run", "1", "ls", "/new").stdout == "/new\n")
  }

  @Test func signalWhileTheEditorIsOpenDiscardsTheEdit() throws {
    let store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    let old = try StoreContents(store)
    let opened = "\(store.root).opened"
    let editor = "sh -c 'echo new >\"$1\"; touch \(opened); sleep 1' sh"
    let edit = try store.start(["edit-conf", "1"], environment: ["VISUAL": editor])
    try eventually("the editor") { access(opened, F_OK) == 0 }
    edit.send(SIGTERM)
    let result = try edit.wait()
    #expect(result.status == 128 + SIGTERM)
    #expect(try StoreContents(store) == old)
    #expect(try Consistency.problems(of: store) == [])
    let draft = try #require(result.stderr.lines.last?.split(separator: " ").last.map(String.init))
    #expect(try runSuccessfully(["cat", draft]) == "new\n")
    unlink(draft)
  }
}

extension TestStore {
  /// Starts a command, and sends it a signal after this many microseconds.
  func interrupt(
    _ arguments: [String], input: String = "", by signal: Int32, after delay: UInt32
  ) throws -> CommandResult {
    let process = try start(arguments, input: input)
    usleep(delay)
    process.send(signal)
    return try process.wait()
  }
}

/// A command to be interrupted.
struct Interrupted: Sendable, CustomTestStringConvertible {
  private let arguments: [String]
  var input = ""
  /// A little more than the time it takes, in microseconds.
  let duration: UInt32
  let attempts: Int

  var testDescription: String { arguments.joined(separator: " ") }

  static let all: [Interrupted] = [
    Interrupted(
      arguments: ["run", "1", "sh", "-c", "echo >>/new; sleep 0.03"], duration: 110_000,
      attempts: 5),
    Interrupted(
      arguments: ["chroot", "1"], input: "echo >>/new; sleep 0.03\nexit 0\n", duration: 110_000,
      attempts: 5),
    Interrupted(arguments: ["clone-tree", "1"], duration: 60_000, attempts: 5),
    Interrupted(arguments: ["-y", "del", copy], duration: 60_000, attempts: 5),
  ]

  /// A placeholder for the copy of tree 1 that is made for each attempt.
  private static let copy = "COPY"

  /// 0; 1 with two below it.
  static func newStore() throws -> TestStore {
    let store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    for _ in 1...2 { try store.ast("branch", "1").expectSuccess() }
    return store
  }

  /// Makes the copy that the command works on.
  ///
  /// - Returns: the command's arguments.
  func prepare(_ store: TestStore) throws -> [String] {
    guard arguments.contains(Self.copy) else { return arguments }
    let made = try store.ast("--json", "clone-tree", "1").expectSuccess().json["data"]["nodes"][0]
    guard case .number(let top) = made else { throw Errno.invalidArgument }
    return arguments.map { $0 == Self.copy ? "\(Int(top))" : $0 }
  }
}
