import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// Kills at random moments, one after the other in one store.
///
/// `AST_KILL_SEED` repeats a run, except for its timing; `AST_KILL_COUNT`, how many kills are to hit, makes it longer.
@Suite("Random kills", .requiresRoot)
struct RandomKillTests {
  @Test func storeSurvivesKillsAtAnyMoment() throws {
    let seed = variable("AST_KILL_SEED") ?? UInt64.random(in: 0 ... .max)
    let count = Int(variable("AST_KILL_COUNT") ?? 100)
    print("AST_KILL_SEED=\(seed)")
    var random = SeededGenerator(seed: seed)
    var victim = try Victim()
    var number = 0
    while victim.kills < count {
      number += 1
      // A good part of the moments must hit, or the delays are wrong.
      try #require(number <= 4 * count, "only \(victim.kills) of \(number - 1) commands were killed")
      let command = VictimCommand.random(in: victim.tree, number: number, using: &random)
      let problems = try victim.kill(command, using: &random) + (number.isMultiple(of: 20) ? victim.examination() : [])
      try #require(problems == [], "command \(number), `\(command)`, seed \(seed)")
    }
    print("\(victim.kills) of \(number) commands were killed; \(victim.changes) of those had changed the tree")
    #expect(victim.changes > 0)
  }

  private func variable(_ name: String) -> UInt64? {
    getenv(name).flatMap { UInt64(String(cString: $0)) }
  }
}

/// A store that survives kills, and its expected content.
private struct Victim {
  private(set) var tree: ExpectedTree
  /// How many commands a kill has hit, and how many of those had made their change already.
  private(set) var kills = 0
  private(set) var changes = 0

  private let store: TestStore
  private let reference: ReferenceContent
  /// How long each verb takes without a kill, as far as is known, in microseconds.
  private var durations: [String: Double] = [:]

  init() throws {
    store = try TestStore()
    reference = try ReferenceContent(base: store.content(of: 0))
    tree = ExpectedTree()
  }

  /// Lets a command run for a random part of its time, kills it, and runs the next command, which recovers. The first
  /// command with a verb is not killed: it tells how long such a command takes here.
  ///
  /// - Returns: the problems after that.
  mutating func kill(_ command: VictimCommand, using random: inout SeededGenerator) throws -> [String] {
    // A command makes its change in its second half, so more of the kills are there.
    let fraction = Double.random(in: Bool.random(using: &random) ? 0...1.2 : 0.5...1.2, using: &random)
    let started = ContinuousClock.now
    let process = try store.start(
      command.arguments, input: command.input, environment: ["VISUAL": command.editor])
    if let usual = durations[command.verb] {
      usleep(UInt32(fraction * usual))
      process.send(SIGKILL)
    }
    let end = try process.wait()
    let taken = Double((ContinuousClock.now - started) / .microseconds(1))
    if end.signal == SIGKILL {
      kills += 1
      // It takes longer than it did.
      durations[command.verb] = max(durations[command.verb] ?? 0, taken)
    } else if end.status == 0 {
      durations[command.verb] = taken
    } else {
      return ["it failed: \(end)"]
    }
    let next = try store.ast("tmp")
    guard next.status == 0 else { return ["the next command: \(next)"] }
    return try compare(command, wasKilled: end.signal == SIGKILL)
  }

  private mutating func compare(_ command: VictimCommand, wasKilled: Bool) throws -> [String] {
    let found = try ExpectedTree(found: TreeListing(store).data, in: store)
    let allowed = command.outcomes(on: tree, wasKilled: wasKilled)
    guard let outcome = allowed.first(where: { $0.nodes == found.nodes }) else {
      return ["the tree is \(found), and may be one of \(allowed)"]
    }
    if wasKilled, outcome.nodes != tree.nodes { changes += 1 }
    tree = outcome
    return try Consistency.problems(of: store)
  }

  /// The problems found by a thorough check: every byte of every node, and `ast doctor`.
  func examination() throws -> [String] {
    let listed = try TreeListing(store).data
    let checksums = try Checksums(of: listed.map { store.root.pushing(FilePath($0.path)) }).values
    let wrong = try zip(listed, checksums).filter { node, checksum in
      try checksum != reference.checksum(of: tree.nodes[node.node]?.content ?? .init())
    }
    return try wrong.map { "the content of node \($0.0.node) is not whole" } + Consistency.findingsOfDoctor(store)
  }
}

/// The expected tree.
struct ExpectedTree: CustomStringConvertible {
  /// The numbers that the commands of the test have written into a node; 0 for none.
  struct Content: Hashable {
    /// The number written by `VictimCommand.work`.
    var work = 0
    /// The number written by the editor.
    var settings = 0
  }

  struct Node: Equatable {
    var parent: Int?
    var description: String
    var content = Content()
    /// The content before, which undo restores.
    var previous: Content?
  }

  /// The nodes by number.
  var nodes: [Int: Node] = [0: Node(parent: nil, description: "base snapshot")]
  /// The number of the next node.
  var next = 1

  init() {}

  /// The tree in a store.
  init(found: [TreeListing.Node], in store: TestStore) throws {
    nodes = [:]
    for node in found {
      let directory = store.root.appending("nodes/\(node.node)")
      nodes[node.node] = Node(
        parent: node.parent, description: node.description,
        content: VictimCommand.content(of: directory.appending("\(node.generation)")),
        previous: node.previous.map { VictimCommand.content(of: directory.appending("\($0)")) })
    }
  }

  var description: String {
    nodes.sorted { $0.key < $1.key }.map { id, node in
      "\(id)<\(node.parent.map(String.init) ?? "") '\(node.description)' \(node.content.words)"
        + (node.previous.map { " was \($0.words)" } ?? "")
    }.joined(separator: "; ")
  }

  /// A node and everything below it: each before its children, and those by number.
  func subtree(of top: Int) -> [Int] {
    [top] + nodes.filter { $0.value.parent == top }.keys.sorted().flatMap(subtree)
  }

  mutating func add(copyOf source: Int, under parent: Int?, _ description: String) {
    nodes[next] = Node(parent: parent, description: description, content: nodes[source]?.content ?? Content())
    next += 1
  }

  mutating func set(_ part: WritableKeyPath<Content, Int>, _ number: Int, in node: Int) {
    guard var content = nodes[node]?.content else { return }
    content[keyPath: part] = number
    exchange(content, in: node)
  }

  mutating func exchange(_ content: Content, in node: Int) {
    let old = nodes[node]?.content
    nodes[node]?.previous = old
    nodes[node]?.content = content
  }
}

extension ExpectedTree.Content {
  fileprivate var words: String { "\(work)/\(settings)" }
}

/// The checksum that a node's content must have, from a copy that was made without ast.
private final class ReferenceContent {
  private let base: FilePath
  private var known: [ExpectedTree.Content: String] = [:]

  init(base: FilePath) { self.base = base }

  func checksum(of content: ExpectedTree.Content) throws -> String {
    if let checksum = known[content] { return checksum }
    let copy = try LoopBtrfs.shared.newDirectory()
    try runSuccessfully(["cp", "--archive", "--reflink=auto", "\(base)/.", copy.string])
    var script = content.work == 0 ? "umask 022" : "umask 022; \(VictimCommand.work(content.work))"
    if content.settings != 0 { script += "; mkdir -p /etc/ast; echo '#\(content.settings)' >/etc/ast/node.toml" }
    try runSuccessfully(["chroot", copy.string, "sh", "-c", script])
    known[content] = try Checksums(of: [copy]).values[0]
    return known[content] ?? ""
  }
}
