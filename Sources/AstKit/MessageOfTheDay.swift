import FoundationEssentials
import SystemPackage

/// What pam_motd(8) shows everybody who logs in, until the next boot.
public enum MessageOfTheDay {
  private static let path: FilePath = "/run/motd.d/ast"

  /// Replaces what ast has to say; nil for nothing.
  public static func set(_ text: String?) throws {
    guard let text else {
      try? FileManager.default.removeItem(atPath: path.string)
      return
    }
    let directory = path.removingLastComponent()
    try FileManager.default.createDirectory(atPath: directory.string, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(filePath: path.string), options: .atomic)
  }
}
