import FoundationEssentials
import Host
import SystemPackage

/// The messages that pam_motd(8) shows at each login, until the next boot.
public enum MessageOfTheDay: String {
  /// The result of the boot.
  case boot = "ast"
  /// The result of the scheduled upgrade.
  case updates = "ast-updates"

  /// Replaces the message; nil removes it.
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
