internal import SQLite
public import SystemPackage

/// The work that a committed transaction leaves for any later one: subvolumes to delete, nodes to publish.
extension TreeDatabase {
  /// The subvolumes that must be deleted, by path.
  public func doomed() throws(TreeError) -> [DoomedSubvolume] {
    try rows("SELECT path, subvolume FROM doomed ORDER BY path") { (row) throws(TreeError) in
      DoomedSubvolume(path: FilePath(row.text(0)), subvolume: row.isNull(1) ? nil : try subvolume(row, 1))
    }
  }

  /// Notes that a subvolume must be deleted. `path` is relative to the store.
  public func doom(_ path: FilePath, _ subvolume: SubvolumeUUID?) throws(TreeError) {
    try requireWrite()
    try run("INSERT OR REPLACE INTO doomed (path, subvolume) VALUES (?, ?)", path.string, subvolume)
  }

  /// Notes that the subvolume at `path` is gone.
  public func forgetDoomed(_ path: FilePath) throws(TreeError) {
    try requireWrite()
    try run("DELETE FROM doomed WHERE path = ?", path.string)
  }

  /// The nodes whose derived files may be out of date, by number. They may have been deleted.
  public func unpublished() throws(TreeError) -> [NodeID] {
    try rows("SELECT node FROM unpublished ORDER BY node") { (row) throws(TreeError) in row.identifier(0) }
  }

  /// Notes that the derived files of these nodes must be written or removed.
  public func markUnpublished(_ nodes: [NodeID]) throws(TreeError) {
    try requireWrite()
    for node in nodes {
      try run("INSERT OR IGNORE INTO unpublished (node) VALUES (?)", node)
    }
  }

  /// Notes that the derived files of these nodes are up to date.
  public func forgetUnpublished(_ nodes: [NodeID]) throws(TreeError) {
    try requireWrite()
    for node in nodes {
      try run("DELETE FROM unpublished WHERE node = ?", node)
    }
  }
}
