import DebianFormats
import Glibc
import Host
import SystemPackage

/// The entry of a disk in the firmware's own boot menu (efibootmgr(8)).
struct EFIBootEntry {
  private let disk: FilePath

  /// The entry of `disk`.
  init(on disk: FilePath) { self.disk = disk }

  /// Makes the entry if EFI started the machine and efibootmgr is installed. Firmware finds the disk without it, too.
  func make(_ note: (String) -> Void) throws {
    guard access("/sys/firmware/efi/efivars", W_OK) == 0 else { return }
    do {
      try ChildProcess(
        "efibootmgr",
        [
          "--quiet", "--create", "--disk", disk.string, "--part", "2", "--label", "Debian (ast)", "--loader",
          "\\EFI\\BOOT\\\(DebianArchitecture.current.efiProgram)",
        ]
      ).run()
    } catch {
      try Interruption.check()
      note("the firmware's boot menu has no entry for the disk: \(AstError(error).message)")
    }
  }
}
