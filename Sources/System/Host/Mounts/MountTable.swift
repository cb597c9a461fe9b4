import FoundationEssentials
import SystemPackage

/// The file systems this process sees mounted (proc_pid_mountinfo(5)).
package enum MountTable {
  /// What is mounted at `directory`, an absolute path without links: a device, as a rule. Nil when nothing is; the last
  /// one where mounts lie on each other.
  package static func source(at directory: FilePath) throws -> FilePath? {
    source(at: directory, in: try text())
  }

  /// A directory below `directory` at which something is mounted; nil where there is none.
  package static func directory(below directory: FilePath) throws -> FilePath? {
    self.directory(below: directory, in: try text())
  }

  package static func directory(below directory: FilePath, in mountinfo: String) -> FilePath? {
    let places = mountinfo.split(separator: "\n").compactMap { line -> FilePath? in
      let fields = line.split(separator: " ", omittingEmptySubsequences: false)
      return fields.count > 6 ? FilePath(unescaped(fields[4])) : nil
    }
    return places.first { $0 != directory && $0.starts(with: directory) }
  }

  /// All of it: a file of /proc has no size, and is read page by page (proc(5)).
  static func text() throws -> String { try Files.text(of: "/proc/self/mountinfo") }

  package static func source(at directory: FilePath, in mountinfo: String) -> FilePath? {
    for line in mountinfo.split(separator: "\n").reversed() {
      let fields = line.split(separator: " ", omittingEmptySubsequences: false)
      // A number of optional fields ends with a dash; the type of the file system and its source follow.
      guard fields.count > 6, unescaped(fields[4]) == directory.string,
        let dash = fields[6...].firstIndex(of: "-"), fields.count > dash + 2
      else { continue }
      return FilePath(unescaped(fields[dash + 2]))
    }
    return nil
  }

  /// Spaces, tabs, newlines and backslashes are written as octal numbers.
  package static func unescaped(_ field: Substring) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")].reduce(String(field)) {
      $0.replacing($1.0, with: $1.1)
    }
  }
}
