import FoundationEssentials
import SystemPackage

/// The file systems this process sees mounted (proc_pid_mountinfo(5)).
enum MountTable {
  /// What is mounted at `directory`, an absolute path without links: a device, as a rule. Nil when nothing is; the last
  /// one where mounts lie on each other.
  static func source(at directory: FilePath) throws -> FilePath? {
    let text = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
    return source(at: directory, in: text)
  }

  static func source(at directory: FilePath, in mountinfo: String) -> FilePath? {
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
  private static func unescaped(_ field: Substring) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")].reduce(String(field)) {
      $0.replacing($1.0, with: $1.1)
    }
  }
}
