import DebianFormats
import Glibc
import Host
import SystemPackage

/// The entry of a disk in the firmware's own boot menu (efibootmgr(8)).
package struct EFIBootEntry {
  private let disk: FilePath
  private let partition: Int

  /// The entry that starts Debian's signed boot loader from a partition of `disk`.
  package init(on disk: FilePath, partition: Int) { (self.disk, self.partition) = (disk, partition) }

  /// Makes the entry, as the first one, if EFI started the machine and efibootmgr is installed. Firmware finds the disk
  /// without it, too.
  package func make(_ note: (String) -> Void) throws {
    guard access(FirmwareVariables.directory.string, W_OK) == 0 else { return }
    do {
      try ChildProcess(
        "efibootmgr",
        [
          "--quiet", "--create", "--disk", disk.string, "--part", "\(partition)", "--label", "Debian (ast)", "--loader",
          SignedLoader(for: .current).entryPath,
        ]
      ).run()
    } catch {
      try Interruption.check()
      note("the firmware's boot menu has no entry for the disk: \(AstError(error).message)")
    }
  }
}
