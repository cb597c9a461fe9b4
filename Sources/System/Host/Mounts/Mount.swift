import SystemPackage

/// A file system, or a part of one, that is mounted.
package struct Mount: Hashable, Sendable {
  /// The mounted part of the file system, from its top: on btrfs, the path of a subvolume.
  package let part: FilePath
  /// The mount point.
  package let place: FilePath
  /// The kind of file system.
  package let type: String
  /// The source, usually a device.
  package let source: FilePath

  /// Reads a line of proc_pid_mountinfo(5).
  init?(line: Substring) {
    let fields = line.split(separator: " ", omittingEmptySubsequences: false)
    guard fields.count > 6, let dash = fields[6...].firstIndex(of: "-"), fields.count > dash + 2 else { return nil }
    part = FilePath(MountTable.unescaped(fields[3]))
    place = FilePath(MountTable.unescaped(fields[4]))
    // A number of optional fields ends with a dash; the type of the file system and its source follow.
    type = String(fields[dash + 1])
    source = FilePath(MountTable.unescaped(fields[dash + 2]))
  }
}

extension MountTable {
  /// All mounts that this process sees, in the order of mounting: the last one at a place is visible there.
  package static func mounts() throws -> [Mount] { mounts(in: try Files.text(of: "/proc/self/mountinfo")) }

  /// The mounts in the text of proc_pid_mountinfo(5).
  package static func mounts(in mountinfo: String) -> [Mount] {
    mountinfo.split(separator: "\n").compactMap(Mount.init)
  }
}
