import Glibc
import Host
import SnapshotTree
import SystemPackage

/// A directory for each node, which users may read: `ast/KIND/N` in the store. What is in it is only remembered.
package struct PublishedDirectory {
  private let kind: FilePath

  private init(_ kind: FilePath.Component, in root: FilePath) { self.kind = root.pushing(Self.path(of: kind)) }

  private static func path(of kind: FilePath.Component) -> FilePath { FilePath("ast").appending(kind) }

  /// The lists of packages of the nodes' sources.
  package static func lists(in root: FilePath) -> PublishedDirectory { PublishedDirectory("lists", in: root) }
  /// What the archives say about applications.
  package static func applications(in root: FilePath) -> PublishedDirectory { PublishedDirectory("apps", in: root) }

  /// All kinds.
  package static func all(in root: FilePath) -> [PublishedDirectory] { [lists(in: root), applications(in: root)] }

  /// The paths of all kinds, relative to the store.
  package static let paths = [path(of: "lists"), path(of: "apps")]

  /// The directory of a node, which need not exist.
  package func path(of node: NodeID) -> FilePath { kind.appending("\(node)") }

  /// Replaces the directory of a node by a new one, with what `fill` puts into it. Users have the old one or the new one;
  /// after an error, the old one.
  package func replace(of node: NodeID, fill: (FilePath) throws -> Void) throws {
    guard let name = OpenDirectory.Name("\(node)"), let new = OpenDirectory.Name("\(node).new") else { return }
    try Files.ensureDirectory(kind)
    let above = try OpenDirectory(kind)
    // Of a command that was killed.
    try above.remove(new)
    let made = kind.appending(new)
    try Files.makeDirectory(made)
    do {
      try fill(made)
    } catch {
      // The disk may be full.
      try? above.remove(new)
      throw error
    }
    guard try above.status(of: name) != nil else { return try Files.rename(made, to: path(of: node)) }
    try above.exchange(name, with: new)
    try above.remove(new)
  }

  /// Whether no node has one.
  package var isEmpty: Bool { ((try? Files.names(in: kind)) ?? []).isEmpty }

  /// Removes the directory of a node, if there is one.
  func remove(of node: NodeID) throws {
    guard access(path(of: node).string, F_OK) == 0, let name = OpenDirectory.Name("\(node)") else { return }
    try OpenDirectory(kind).remove(name)
  }

  /// Removes those of nodes that are gone.
  package func removeOthers(than nodes: Set<NodeID>) throws {
    guard access(kind.string, F_OK) == 0 else { return }
    let directory = try OpenDirectory(kind)
    for name in try directory.names() where NodeID(name.string).map({ !nodes.contains($0) }) ?? true {
      try directory.remove(name)
    }
  }
}
