import Glibc
import Host
import SnapshotTree
import SystemPackage

/// A directory for each node, which users may read: `ast/KIND/N` in the store. What is in it is only remembered.
struct PublishedDirectory {
  private let kind: FilePath

  /// The directories of a kind in a store.
  init(_ kind: FilePath.Component, in root: FilePath) { self.kind = root.appending("ast").appending(kind) }

  /// The directory of a node, which need not exist.
  func path(of node: NodeID) -> FilePath { kind.appending("\(node)") }

  /// Replaces the directory of a node by a new one, with what `fill` puts into it. Users have the old one or the new one;
  /// after an error, the old one.
  func replace(of node: NodeID, fill: (FilePath) throws -> Void) throws {
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

  /// Removes those of nodes that are gone.
  func removeOthers(than nodes: Set<NodeID>) throws {
    guard access(kind.string, F_OK) == 0 else { return }
    let directory = try OpenDirectory(kind)
    for name in try directory.names() where NodeID(name.string).map({ !nodes.contains($0) }) ?? true {
      try directory.remove(name)
    }
  }
}
