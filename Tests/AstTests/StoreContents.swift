import FoundationEssentials
import SystemPackage
import TestSupport

/// What a store holds, as its users see it: the tree, and a checksum of each node's content.
struct StoreContents: Equatable, CustomStringConvertible {
  struct Node: Equatable {
    let parent: Int?
    let description: String
    let content: String
  }

  /// By number.
  var nodes: [Int: Node]

  /// Looks at a store. Nodes described as `omitted` are left out.
  init(_ store: TestStore, omitting omitted: String? = nil) throws {
    let listed = try TreeListing(store).data.filter { $0.description != omitted }
    let checksums = try Checksums(of: listed.map { store.root.pushing(FilePath($0.path)) })
    nodes = Dictionary(
      uniqueKeysWithValues: zip(listed, checksums.values).map { node, checksum in
        (node.node, Node(parent: node.parent, description: node.description, content: checksum))
      })
  }

  var description: String {
    nodes.sorted { $0.key < $1.key }.map { id, node in
      "\(id) under \(node.parent.map(String.init) ?? "root") '\(node.description)' \(String(node.content.hashValue, radix: 36))"
    }.joined(separator: "; ")
  }

  /// Whether each node is what it is in one of two states, which have the same tree.
  func isMixture(of old: StoreContents, and new: StoreContents) -> Bool {
    Set(nodes.keys) == Set(old.nodes.keys) && nodes.allSatisfy { $1 == old.nodes[$0] || $1 == new.nodes[$0] }
  }
}

/// `ast tree --json`.
struct TreeListing: Decodable {
  struct Node: Decodable {
    let node: Int
    let parent: Int?
    let description: String
    let generation: Int
    let previous: Int?
    let path: String
  }

  let data: [Node]

  init(_ store: TestStore) throws {
    self = try JSONDecoder().decode(
      TreeListing.self, from: Data(try store.ast("tree", "--json").expectSuccess().stdout.utf8))
  }
}

/// What is in directories, several in one go: names, kinds, modes, owners, link targets and checksums. Times do not
/// count.
struct Checksums {
  /// A text for each directory; equal for equal contents.
  let values: [String]

  init(of directories: [FilePath]) throws {
    let script = """
      find "$@" -mindepth 1 -printf '%H/%P %y %m %U:%G %l\\n'; find "$@" -type f -print0 | xargs -0 b2sum --length=128 --tag
      """
    let lines = try runSuccessfully(["sh", "-ec", script, "sh"] + directories.map(\.string)).split(separator: "\n")
    let sorted = lines.sorted()
    values = directories.map { directory in
      let marks = ["\(directory)/", "BLAKE2b-128 (\(directory)/"]
      return sorted.compactMap { line in marks.first { line.hasPrefix($0) }.map { String(line.dropFirst($0.count)) } }
        .joined(separator: "\n")
    }
    guard values.allSatisfy({ !$0.isEmpty }) else { throw Errno.noSuchFileOrDirectory }
  }
}
