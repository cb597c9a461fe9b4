import FoundationEssentials
import SnapshotTree
import SystemPackage
import TestSupport

/// A store with many nodes and nothing behind them: enough for verbs that only read the tree.
struct LargeTree {
  /// The store.
  let store: FilePath
  /// A copy of its database, for those that would tidy up its log.
  let copy: FilePath

  /// Makes the store in `directory`: a tenth of the nodes begin trees, the others hang on any older one.
  init(nodes count: Int, in directory: FilePath) throws {
    store = directory.appending("large")
    try runSuccessfully(["mkdir", "-p", store.appending("ast").string])
    let database = store.appending("ast/tree.sqlite")
    try TreeDatabase.create(at: database)
    let tree = try TreeDatabase(opening: database, .writing)
    var random = Sequence(state: 1)
    try tree.write { tree in
      for number in 0..<count {
        let isTop = number == 0 || random.next(below: 10) == 0
        let parent = isTop ? nil : NodeID(random.next(below: number))
        try tree.insert(
          Node(
            id: NodeID(number), parent: parent, description: "system \(number) with what it needs",
            created: Date(timeIntervalSince1970: 1_700_000_000 + Double(number)), current: GenerationNumber(1),
            previous: nil, nextGeneration: GenerationNumber(2)),
          Generation(
            node: NodeID(number), number: GenerationNumber(1), subvolume: SubvolumeUUID(UUID()), created: Date(),
            operation: nil, manifest: nil, size: nil))
      }
    }
    copy = directory.appending("large.sqlite")
    try runSuccessfully(["sqlite3", database.string, "VACUUM INTO '\(copy)'"])
    // sqlite3 has moved the log into the database and deleted it; ast keeps one.
    try TreeDatabase(opening: database, .writing).write { try $0.setDescription("base snapshot", of: .base) }
  }

  /// The same numbers in each run: a linear congruential generator (Knuth's MMIX).
  private struct Sequence {
    var state: UInt64

    mutating func next(below bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
  }
}
