import SystemPackage

/// The file systems this process sees mounted (proc_pid_mountinfo(5)).
package enum MountTable {
  /// The source of the last mount at `directory`, an absolute path without links: usually a device. Nil if nothing
  /// is mounted there.
  package static func source(at directory: FilePath) throws -> FilePath? {
    source(at: directory, in: try mounts())
  }

  static func source(at directory: FilePath, in mounts: [Mount]) -> FilePath? {
    mounts.last { $0.place == directory }?.source
  }

  /// A place below `directory` at which something is mounted; nil if there is none.
  ///
  /// - Parameter isExpected: whether a mount at a place does not count.
  package static func directory(
    below directory: FilePath, except isExpected: (FilePath) -> Bool = { _ in false }
  ) throws -> FilePath? {
    self.directory(below: directory, in: try mounts().filter { !isExpected($0.place) })
  }

  static func directory(below directory: FilePath, in mounts: [Mount]) -> FilePath? {
    mounts.first { $0.place != directory && $0.place.starts(with: directory) }?.place
  }

  /// Spaces, tabs, newlines and backslashes are written as octal numbers.
  package static func unescaped(_ field: Substring) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")].reduce(String(field)) {
      $0.replacing($1.0, with: $1.1)
    }
  }
}
