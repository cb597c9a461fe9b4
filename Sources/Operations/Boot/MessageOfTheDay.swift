import FoundationEssentials
import Host
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
    try Files.ensureDirectory(directory)
    try RootDirectory(directory).write(Data(text.utf8), to: FilePath(rawValue))
  }
}
