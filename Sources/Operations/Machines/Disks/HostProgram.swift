import FoundationEssentials
import Glibc
import Host
import Store
import SystemPackage

/// The programs of the host that make disks and file systems, and the Debian packages they come in.
enum HostProgram: String {
  case lsblk
  case losetup
  case sfdisk
  case partx
  case mkfsBtrfs = "mkfs.btrfs"
  case mkfsVfat = "mkfs.vfat"
  case mkfsExt4 = "mkfs.ext4"
  case cryptsetup
  case dmsetup
  case mmd
  case mcopy
  case mmdebstrap

  private var package: String {
    switch self {
    case .lsblk, .partx: "util-linux"
    case .losetup: "mount"
    case .sfdisk: "fdisk"
    case .mkfsBtrfs: "btrfs-progs"
    case .mkfsVfat: "dosfstools"
    case .mkfsExt4: "e2fsprogs"
    case .cryptsetup: "cryptsetup-bin"
    case .dmsetup: "dmsetup"
    case .mmd, .mcopy: "mtools"
    case .mmdebstrap: "mmdebstrap"
    }
  }

  /// Makes sure that all of the programs are installed, before anything is done.
  ///
  /// - Throws: `AstError` that names the missing programs and what to install.
  static func require(_ programs: [HostProgram]) throws {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    let directories = path.split(separator: ":").map { FilePath(String($0)) }
    let missing = programs.filter { program in
      !directories.contains { access($0.appending(program.rawValue).string, X_OK) == 0 }
    }
    guard !missing.isEmpty else { return }
    let packages = Set(missing.map(\.package)).sorted().joined(separator: " ")
    // On a machine that runs from a node, apt-get changes nothing.
    let hint = Store.runningNode.map { "`ast install --live \($0) \(packages)`" } ?? "apt-get install \(packages)"
    throw AstError(
      .failed, "\(missing.map(\.rawValue).joined(separator: ", ")) cannot be found", state: .unchanged, hint: hint)
  }
}
