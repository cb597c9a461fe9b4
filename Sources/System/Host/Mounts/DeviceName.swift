import SystemPackage

/// A file system as fstab(5) names it, like `UUID=...`.
package struct DeviceName {
  private let text: String

  package init(_ text: String) { self.text = text }

  /// The device that has it now. Not by the list that libblkid(3) keeps: a device may have got another content since.
  ///
  /// - Throws: `AstError` (failed) if there is none.
  package func device() throws -> FilePath {
    FilePath(try ChildProcess("env", ["BLKID_FILE=/dev/null", "findfs", text]).line())
  }
}
