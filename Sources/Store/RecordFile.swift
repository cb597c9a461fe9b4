import Btrfs
import FoundationEssentials
import Host
import SystemPackage

/// A record of the store beside the database, in JSON.
enum RecordFile {
  /// Writes it. A power cut leaves the old record or the new one, complete.
  ///
  /// - Parameters:
  ///   - path: its path in the store.
  ///   - root: the store's directory.
  static func write(_ record: some Encodable, at path: FilePath, in root: FilePath) throws {
    let (path, new) = (root.pushing(path), root.pushing(FilePath("\(path).new")))
    try Files.ensureDirectory(path.removingLastComponent())
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try Files.write(encoder.encode(record), to: new)
    try FileSystem.sync(root)
    try Files.rename(new, to: path)
    try FileSystem.sync(root)
  }
}
