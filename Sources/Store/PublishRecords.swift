import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import SystemPackage

/// What is derived from the database for others to see: the symlink users know, and the record a human (or `doctor
/// --rebuild`) can restore the tree from. Never trusted, made anew at will.
extension Store {
  /// Makes the links and records of these nodes agree with the database; those of nodes that are gone are removed.
  ///
  /// A crash in here leaves rows in `unpublished`, and the next change comes back.
  func publish(_ nodes: [NodeID]) throws {
    for id in nodes {
      if try tree.node(id) != nil {
        let record = try tree.record(of: id)
        try writeRecord(record)
        failPoint("record written")
        try writeLink(of: record.node)
        failPoint("link written")
      } else {
        try withdraw(id)
      }
    }
  }

  /// The nodes whose link or record does not say what the database says, and those that have one and are gone.
  package func outdated() throws -> [NodeID] {
    let nodes = try tree.nodes().map(\.id)
    let links = try Files.names(in: links).filter { $0.hasPrefix("snapshot-") }.map { $0.dropFirst("snapshot-".count) }
    let records = try Files.names(in: records).filter { $0.hasSuffix(".json") }.map { $0.dropLast(".json".count) }
    let gone = Set((links + records).compactMap { NodeID($0) }).subtracting(nodes)
    return try nodes.filter { try !isPublished($0) } + gone.sorted()
  }

  private func isPublished(_ id: NodeID) throws -> Bool {
    let record = try tree.record(of: id)
    let text = try? Data(contentsOf: URL(filePath: self.record(of: id).string))
    guard var written = text.flatMap({ try? NodeRecord(json: $0) }) else { return false }
    // The number the next node gets changes without the node.
    written.nextNode = record.nextNode
    return written == record && linkDestination(of: id) == destination(of: record.node)
  }

  private func destination(of node: Node) -> String { "../nodes/\(node.id)/\(node.current)" }

  private func linkDestination(of id: NodeID) -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: link(of: id).string)
  }

  private func writeRecord(_ record: NodeRecord) throws {
    let path = self.record(of: record.node.id)
    let text = try record.json()
    // Each change looks again at what the one before it has published. To rename over a file has its content written
    // out at once (btrfs_rename in fs/btrfs/inode.c), which is not needed where nothing is new.
    if let written = try? Data(contentsOf: URL(filePath: path.string)), written.elementsEqual(text) { return }
    let temporary = FilePath(path.string + ".new")
    try Files.write(text, to: temporary)
    failPoint("new record written")
    try Files.rename(temporary, to: path)
  }

  private func writeLink(of node: Node) throws {
    if linkDestination(of: node.id) == destination(of: node) { return }
    let path = link(of: node.id)
    let temporary = FilePath(path.string + ".new")
    unlink(temporary.string)
    try Files.makeLink(temporary, to: destination(of: node))
    failPoint("new link made")
    try Files.rename(temporary, to: path)
  }

  /// Removes what there is of a node that is gone for ever, its lock file too.
  private func withdraw(_ node: NodeID) throws {
    for path in [link(of: node), record(of: node), locks.appending(lockName(of: node))] {
      try Files.removeFileIfPresent(path)
      failPoint("derived file removed")
    }
  }
}
