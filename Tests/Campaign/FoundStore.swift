import FoundationEssentials
import SystemPackage
import TestSupport

/// What a store has on its disk, read with sqlite3(1) and from its files: nothing of ast takes part.
struct FoundStore {
  struct Deployment {
    let node: Int
    let generation: Int
    let isGood: Bool
    let isPinned: Bool
    let work: Int
    let etc: Etc
    /// What is kept beside files of /etc.
    let replaced: Etc
  }

  private(set) var nodes: [Int: ExpectedStore.Node] = [:]
  private(set) var deployments: [Int: Deployment] = [:]
  private(set) var standard: Int?
  /// The generations of each node.
  private(set) var generations: [Int: Set<Int>] = [:]
  /// Those that no command deletes: the current one of each node, the one before it, and those that are deployed.
  private(set) var needed: [Int: Set<Int>] = [:]
  /// The note of what ran last.
  private(set) var running: Int?
  private(set) var pending: Int?

  private static let queries = [
    "node": "SELECT id, ifnull(parent, ''), description, current, ifnull(previous, '') FROM node",
    "deployment": "SELECT id, node, generation, state, pinned FROM deployment",
    "default": "SELECT deployment FROM deployment_role WHERE role = 'default'",
    "generation": "SELECT node, number FROM generation",
  ]

  init(_ store: FilePath) throws {
    let statements = Self.queries.map { name, query in ".print =\(name)\n\(query);\n" }.joined()
    // Read-only, because sqlite3(1) would otherwise remove the log at its end.
    let text = try runSuccessfully(
      ["sqlite3", "-readonly", "-separator", "\t", store.appending("ast/tree.sqlite").string], input: statements)
    var section = ""
    for line in text.split(separator: "\n") {
      if line.hasPrefix("=") {
        section = String(line.dropFirst())
      } else {
        add(line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init), of: section, in: store)
      }
    }
    let note = store.appending("ast/ran").string
    guard FileManager.default.fileExists(atPath: note) else { return }
    for line in try String(contentsOfFile: note, encoding: .utf8).split(separator: "\n") {
      if line.hasPrefix("ran=") { running = Int(line.dropFirst(4)) }
      if line.hasPrefix("from=") { pending = Int(line.dropFirst(5)) }
    }
  }

  private mutating func add(_ fields: [String], of section: String, in store: FilePath) {
    let numbers = fields.map { Int($0) ?? -1 }
    switch section {
    case "node":
      let directory = store.appending("nodes/\(numbers[0])")
      nodes[numbers[0]] = ExpectedStore.Node(
        parent: Int(fields[1]), description: fields[2], content: NodeContent.read(in: directory.appending(fields[3])),
        previous: Int(fields[4]).map { NodeContent.read(in: directory.appending("\($0)")) })
      needed[numbers[0], default: []].formUnion([numbers[3], numbers[4]])
    case "deployment":
      let root = store.appending("deploy/\(numbers[0])/root")
      deployments[numbers[0]] = Deployment(
        node: numbers[1], generation: numbers[2], isGood: fields[3] == "good", isPinned: numbers[4] == 1,
        work: NodeContent.readWithoutEtc(in: root), etc: NodeContent.etc(in: root.appending("etc")),
        replaced: NodeContent.etc(in: root.appending("etc"), suffix: ".ast.dpkg-dist"))
      needed[numbers[1], default: []].insert(numbers[2])
    case "default": standard = numbers[0]
    default: generations[numbers[0], default: []].insert(numbers[1])
    }
  }
}

extension ExpectedStore {
  /// How a store differs from this one; nil if it does not.
  func difference(from found: FoundStore) -> String? {
    if found.nodes != nodes {
      let wrong = Set(nodes.keys).union(found.nodes.keys).filter { nodes[$0] != found.nodes[$0] }.sorted()
      return wrong.map { "node \($0) is \(text(found.nodes[$0])), not \(text(nodes[$0]))" }.joined(separator: "; ")
    }
    for number in Set(deployments.keys).union(found.deployments.keys).sorted() {
      guard let wanted = deployments[number] else { return "deployment \(number) should not be there" }
      guard let there = found.deployments[number] else {
        if mayRetire(number) { continue }
        return "deployment \(number) is missing"
      }
      let isRight =
        wanted.node == there.node && wanted.content.work == there.work && wanted.etc == there.etc
        && wanted.isGood == there.isGood && wanted.isPinned == there.isPinned
        && wanted.replaced.numbers.allSatisfy { there.replaced.numbers[$0.key] == $0.value }
      if !isRight { return "deployment \(number) is \(there), not \(wanted)" }
    }
    if found.standard != standard { return "the default is \(text(found.standard)), not \(text(standard))" }
    if found.running != running || found.pending != pending {
      return "it ran \(text(found.running)) \(text(found.pending)), not \(text(running)) \(text(pending))"
    }
    return nil
  }

  /// This one without the deployments that have been deleted to make place.
  func without(retiredSince found: FoundStore) -> ExpectedStore {
    var store = self
    store.deployments = deployments.filter { found.deployments[$0.key] != nil }
    return store
  }

  private func text(_ value: (some Any)?) -> String { value.map { "\($0)" } ?? "none" }
}
