import SystemPackage

/// A file system, or a part of one, that is mounted.
package struct Mount: Hashable, Sendable {
  /// What of the file system is mounted, from its top: the path of a subvolume where it is a btrfs.
  package let part: FilePath
  /// Where.
  package let place: FilePath
  /// The kind of file system.
  package let type: String

  /// Reads a line of proc_pid_mountinfo(5).
  init?(line: Substring) {
    let fields = line.split(separator: " ", omittingEmptySubsequences: false)
    guard fields.count > 6, let dash = fields[6...].firstIndex(of: "-"), fields.count > dash + 1 else { return nil }
    part = FilePath(MountTable.unescaped(fields[3]))
    place = FilePath(MountTable.unescaped(fields[4]))
    type = String(fields[dash + 1])
  }
}

extension MountTable {
  /// All that this process sees, in the order of mounting: the last one at a place is what is seen there.
  package static func mounts() throws -> [Mount] { try text().split(separator: "\n").compactMap(Mount.init) }
}
