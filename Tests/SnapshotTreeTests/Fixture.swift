import FoundationEssentials
import Glibc
import SnapshotTree
import SystemPackage
import TestSupport
import Testing

/// Runs `body` with a new empty directory in memory, which everybody may enter, and removes it afterwards.
func withTemporaryDirectory<T>(_ body: (FilePath) throws -> T) throws -> T {
  let directory = try newDirectory()
  defer { _ = try? run(["rm", "-rf", "--", directory.string]) }
  return try body(directory)
}

func newDirectory() throws -> FilePath {
  var template = Array("/dev/shm/ast-tree-XXXXXX".utf8CString)
  guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
  let directory = FilePath(platformString: template)
  guard chmod(directory.string, 0o755) == 0 else { throw Errno(rawValue: errno) }
  return directory
}

/// Runs `body` with an empty tree, which is checked for integrity afterwards.
func withTree<T>(_ body: (TreeDatabase) throws -> T) throws -> T {
  try withTemporaryDirectory { directory in
    let path = directory.appending("tree.sqlite")
    try TreeDatabase.create(at: path)
    let tree = try TreeDatabase(opening: path, .writing)
    let result = try body(tree)
    #expect(try tree.integrityProblems() == [])
    return result
  }
}

/// Expects `body` to throw this error.
func expectError<T>(
  _ expected: TreeError, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> T
) {
  #expect(throws: expected, sourceLocation: sourceLocation) { _ = try body() }
}

/// Expects that a constraint of the schema refuses what `body` does.
func expectConstraint<T>(sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> T) {
  let error = #expect(throws: TreeError.self, sourceLocation: sourceLocation) { _ = try body() }
  guard case .sqlite(_, let code, _) = error, code & 0xff == 19 else {
    Issue.record("\(String(describing: error)) is no violated constraint", sourceLocation: sourceLocation)
    return
  }
}

let noon = Date(timeIntervalSince1970: 1_700_000_000)

/// A different subvolume for each generation.
func subvolume(_ node: Int, _ number: Int) -> SubvolumeUUID {
  let bytes = withUnsafeBytes(of: (node.bigEndian, number.bigEndian)) { Array($0) }
  return SubvolumeUUID(bytes.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) })
}

func generation(_ node: Int, _ number: Int) -> Generation {
  Generation(node: NodeID(node), number: GenerationNumber(number), subvolume: subvolume(node, number), created: noon)
}

func node(_ id: Int, _ parent: Int?, _ description: String = "") -> Node {
  Node(
    id: NodeID(id), parent: parent.map { NodeID($0) }, description: description, created: noon,
    current: GenerationNumber(1), nextGeneration: GenerationNumber(2))
}

extension TreeDatabase {
  /// Adds nodes with one generation each. `parents[i]` is the parent of node `i`.
  func grow(_ parents: [Int?]) throws {
    try write { tree in
      for (id, parent) in parents.enumerated() {
        try tree.insert(SnapshotTreeTests.node(id, parent), SnapshotTreeTests.generation(id, 1))
      }
    }
  }

  var ids: [Int] {
    get throws { try nodes().map(\.id.rawValue) }
  }
}

/// The contents of a directory: names, sizes and checksums.
func contents(of directory: FilePath) throws -> String {
  try runSuccessfully([
    "sh", "-c", "cd '\(directory)' && ls -A && find . -type f -print0 | sort -z | xargs -0r sha256sum",
  ])
}
