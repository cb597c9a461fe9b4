import FoundationEssentials
import SystemPackage
import TestSupport

/// The content of a store, as its users see it: the tree, and a checksum of each node's content.
struct StoreContents: Equatable, CustomStringConvertible {
  struct Node: Equatable {
    let parent: Int?
    let description: String
    let content: String
    /// Its tags and pinned generations.
    let kept: [String]
  }

  /// The nodes by number.
  var nodes: [Int: Node]
  /// The deployments with their contents, and the boot menu, as texts.
  let boot: [String]

  /// Reads a store. Nodes with the description `omitted` are left out.
  init(_ store: TestStore, omitting omitted: String? = nil) throws {
    let listed = try TreeListing(store).data.filter { $0.description != omitted }
    let checksums = try Checksums(of: listed.map { store.root.pushing(FilePath($0.path)) })
    boot = try Self.boot(of: store)
    nodes = Dictionary(
      uniqueKeysWithValues: zip(listed, checksums.values).map { node, checksum in
        (node.node, Node(parent: node.parent, description: node.description, content: checksum, kept: node.kept))
      })
  }

  private static func boot(of store: TestStore) throws -> [String] {
    let deployments = try DeploymentListing(store).data
    guard !deployments.isEmpty else { return [] }
    let roots = try Checksums(of: deployments.map { store.root.appending("deploy/\($0.deployment)/root") })
    let menu = try MenuFiles(of: store)
    return zip(deployments, roots.values).map { "\($0) \(String($1.hashValue, radix: 36))" }
      + [menu.standard ?? "no default"] + menu.entries
  }

  var description: String {
    nodes.sorted { $0.key < $1.key }.map { id, node in
      "\(id) under \(node.parent.map(String.init) ?? "root") '\(node.description)' \(String(node.content.hashValue, radix: 36))"
        + node.kept.map { " \($0)" }.joined()
    }.joined(separator: "; ") + boot.map { "; \($0)" }.joined()
  }

  /// Whether each node is what it is in one of two states, which have the same tree.
  func isMixture(of old: StoreContents, and new: StoreContents) -> Bool {
    Set(nodes.keys) == Set(old.nodes.keys) && nodes.allSatisfy { $1 == old.nodes[$0] || $1 == new.nodes[$0] }
  }
}

/// `ast deployments --json`.
struct DeploymentListing: Decodable {
  struct Deployment: Decodable, Equatable {
    let deployment: Int
    let node: Int
    let generation: Int
    let state: String
    let isDefault: Bool
    let fallback: Bool
    let once: Bool
    let pinned: Bool
  }

  private struct Answer: Decodable {
    struct Data: Decodable { let deployments: [Deployment] }
    let data: Data
  }

  let data: [Deployment]

  init(_ store: TestStore) throws {
    let text = try store.ast("deployments", "--json").expectSuccess().stdout
    data = try JSONDecoder().decode(Answer.self, from: Data(text.utf8)).data.deployments
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
    let tags: [Tag]
    let pinnedGenerations: [Int]

    struct Tag: Decodable {
      let name: String
      let generation: Int?
    }

    /// The tags and pinned generations as words.
    var kept: [String] { tags.map { "\($0.name) \($0.generation ?? -1)" } + pinnedGenerations.map { "pin \($0)" } }
  }

  let data: [Node]

  init(_ store: TestStore) throws {
    self = try JSONDecoder().decode(
      TreeListing.self, from: Data(try store.ast("tree", "--json").expectSuccess().stdout.utf8))
  }
}

/// The contents of several directories: names, kinds, modes, owners, link targets and checksums, but not times.
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
