import FoundationEssentials
import SystemPackage

/// What pam_motd(8) shows everybody who logs in, until the next boot.
public enum MessageOfTheDay: String {
  /// What became of the boot.
  case boot = "ast"
  /// What became of the upgrade that nobody watched.
  case updates = "ast-updates"

  /// Replaces what ast has to say of it; nil for nothing.
  public func set(_ text: String?) throws {
    let path = FilePath("/run/motd.d").appending(rawValue)
    guard let text else {
      try? FileManager.default.removeItem(atPath: path.string)
      return
    }
    let directory = path.removingLastComponent()
    try FileManager.default.createDirectory(atPath: directory.string, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(filePath: path.string), options: .atomic)
  }
}
