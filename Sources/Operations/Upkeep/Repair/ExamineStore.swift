import Host
import Store
import SystemPackage

/// `doctor` from beginning to end.
extension Store {
  /// Opens the store at `root`, also on a full disk, and compares its database with the disk.
  ///
  /// - Parameters:
  ///   - reader: reads the settings: old generations may be deleted when a node's files are written again.
  ///   - progress: gets a line for each step.
  ///   - warn: told what could not be finished.
  /// - Throws: `AstError`, damaged if the database is.
  public static func examine(
    at root: FilePath, wait: LockWait, command: String, reader: SettingsReader, progress: (String) -> Void,
    warn: @escaping (String) -> Void
  ) throws -> [Finding] {
    try makeRoom(at: root)
    return try Store(opening: root, .writing, wait: wait, command: command, reader: reader, warn: warn).examine(
      progress: progress)
  }
}
