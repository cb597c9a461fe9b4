import FoundationEssentials
import SystemPackage
import TestSupport

/// The real files that the fuzzer begins with: those of a minimal Debian.
public enum Corpus {
  /// The texts of an entry and the contents of its files.
  ///
  /// - Throws: `CommandFailure` if the archive of the Debian root has no such file.
  public static func inputs(of entry: FuzzEntry) throws -> [[UInt8]] {
    guard !entry.files.isEmpty else { return entry.seeds }
    let scratch = FilePath("/tmp/ast-fuzz-\(UUID().uuidString)")
    try FileManager.default.createDirectory(atPath: scratch.string, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: scratch.string) }
    let archive = try DebianRoot.archive(of: DebianRoot.suite)
    try runSuccessfully(
      ["tar", "-C", scratch.string, "--no-same-permissions", "-xf", archive.string] + entry.files.map { "./\($0)" })
    return try entry.seeds
      + entry.files.map { try Array(Data(contentsOf: URL(filePath: scratch.pushing($0).string))) }
  }
}
