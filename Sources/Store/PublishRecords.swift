import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import SystemPackage

/// The files that are derived from the database: the symlink that users know, and the record from which an
/// administrator (or `doctor --rebuild`) can restore the tree. Nothing else trusts them, and ast can write them
/// again at any time.
extension Store {
  /// Makes the links and records of these nodes agree with the database, and removes those of deleted nodes.
  ///
  /// A crash leaves rows in `unpublished`, and the next change publishes them.
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

  /// The nodes whose link or record differs from the database, and deleted nodes that still have one.
  package func outdated() throws -> [NodeID] {
    let nodes = try tree.nodes().map(\.id)
    let links = try Files.names(in: links).filter { $0.hasPrefix("snapshot-") }.map { $0.dropFirst("snapshot-".count) }
    let records = try Files.names(in: records).filter { $0.hasSuffix(".json") }.map { $0.dropLast(".json".count) }
    let gone = Set((links + records).compactMap { NodeID($0) }).subtracting(nodes)
    return try nodes.filter { try !isPublished($0) } + gone.sorted()
  }

  private func isPublished(_ id: NodeID) throws -> Bool {
    let record = try tree.record(of: id)
    guard var written = Store.recordText(at: self.record(of: id)).flatMap({ try? NodeRecord(json: $0) }) else {
      return false
    }
    // The number of the next node changes without this node.
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
    // Each change checks again what the previous one has published. Renaming over a file writes its content out at once
    // (btrfs_rename in fs/btrfs/inode.c), so a record that did not change is not replaced.
    if Store.recordText(at: path) == text { return }
    let temporary = FilePath(path.string + ".new")
    try removeEmptyDirectory(at: path)
    try Files.removeFileIfPresent(temporary)
    try Files.write(text, to: temporary)
    failPoint("new record written")
    try Files.rename(temporary, to: path)
  }

  /// The text of a record file; nil if it is not a regular file of a plausible size: a record has a few hundred bytes for
  /// each generation that is kept.
  package static func recordText(at path: FilePath) -> [UInt8]? {
    guard let name = path.lastComponent, let directory = try? OpenDirectory(path.removingLastComponent()) else {
      return nil
    }
    return (try? directory.contents(of: name, limit: 1 << 26)) ?? nil
  }

  /// Removes a directory that stands in the place of a derived file, if it is empty: a file cannot replace it, so every
  /// change would warn. One with something in it is not ast's to delete, and is named in the warning.
  func removeEmptyDirectory(at path: FilePath) throws {
    var status = stat()
    guard lstat(path.string, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, rmdir(path.string) != 0 else { return }
    throw AstError(.failed, "\(path) is a directory with something in it: move it away")
  }

  private func writeLink(of node: Node) throws {
    if linkDestination(of: node.id) == destination(of: node) { return }
    let path = link(of: node.id)
    let temporary = FilePath(path.string + ".new")
    try removeEmptyDirectory(at: path)
    try Files.removeFileIfPresent(temporary)
    try Files.makeLink(temporary, to: destination(of: node))
    failPoint("new link made")
    try Files.rename(temporary, to: path)
  }

  /// Removes the link, the record, the lists and the lock file of a deleted node.
  private func withdraw(_ node: NodeID) throws {
    for kind in PublishedDirectory.all(in: root) { try kind.remove(of: node) }
    for path in [link(of: node), record(of: node), locks.appending(lockName(of: node))] {
      try Files.removeFileIfPresent(path)
      failPoint("derived file removed")
    }
  }
}

/// The file with all tags and pinned generations, from which `doctor --rebuild` restores them.
extension Store {
  private static func tagFile(in root: FilePath) -> FilePath { root.appending("ast/tags.json") }

  /// Makes the file agree with the database. Each change does it: an older ast does not know the file, and a power cut may
  /// have taken it.
  func publishTags() throws {
    let path = Self.tagFile(in: root)
    let record = try tree.tagRecord()
    let text = try record.json()
    let written = Self.recordText(at: path)
    guard written != text, written != nil || !record.tags.isEmpty || !record.pinned.isEmpty else { return }
    let temporary = FilePath(path.string + ".new")
    try removeEmptyDirectory(at: path)
    try Files.removeFileIfPresent(temporary)
    try Files.write(text, to: temporary)
    failPoint("new tags written")
    try Files.rename(temporary, to: path)
  }

  /// The tags and pinned generations that the file has; nil if there is none, or if it cannot be read.
  package static func tagRecord(in root: FilePath) -> TagRecord? {
    recordText(at: tagFile(in: root)).flatMap { try? TagRecord(json: $0) }
  }
}
