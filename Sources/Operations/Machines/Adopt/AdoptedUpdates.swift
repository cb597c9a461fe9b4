import DebianFormats
import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// The unattended upgrades of an adopted system: if unattended-upgrades does them there, and takes nothing but security
/// updates, ast does the same.
struct AdoptedUpdates {
  /// The file with that setting, which the base gets.
  static let file: FilePath = "/etc/ast/ast.toml.d/50-unattended-upgrades.toml"

  /// Whether ast takes nothing but security updates.
  let areSecurityOnly: Bool

  /// Has the apt of the system read its configuration.
  init(of system: AdoptableSystem) throws {
    let isInstalled = access(system.file("/usr/bin/unattended-upgrade").string, X_OK) == 0
    guard isInstalled, access(system.file(Self.file).string, F_OK) != 0 else {
      areSecurityOnly = false
      return
    }
    let settings = UnattendedUpgrades(try ChildProcess("chroot", [system.root.string, "apt-config", "dump"]).output())
    areSecurityOnly = settings.isOn && settings.isSecurityOnly
  }

  /// Puts the setting into the base.
  func write(to root: FilePath) throws {
    guard areSecurityOnly else { return }
    let files = RootDirectory(root)
    for directory in [Self.file.removingLastComponent().removingLastComponent(), Self.file.removingLastComponent()] {
      try files.makeDirectory(directory)
    }
    try files.write(Data(Self.text.utf8), to: Self.file)
  }

  private static let text = """
    # As unattended-upgrades was set when this system was adopted: see ast.toml(5).
    [updates]
    only = "security"

    """
}
