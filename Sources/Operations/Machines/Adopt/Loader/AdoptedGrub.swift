import FoundationEssentials
import Glibc
import Host
import Sandbox
import SystemPackage

/// The files that GRUB reads when it boots from the store: the adopted system's modules, which belong to the GRUB in the
/// boot sector or the firmware; that stays as it is.
struct AdoptedGrub {
  /// The old root.
  let root: FilePath
  /// The directory that GRUB reads.
  let directory: FilePath

  /// The platforms for which a system's boot loader has modules.
  static func platforms(in root: FilePath) throws -> [String] {
    let files = RootDirectory(root)
    return try files.entries(of: "/boot/grub").filter(\.isDirectory).map(\.name).filter { name in
      try files.hasFile(FilePath("/boot/grub/\(name)/normal.mod"))
    }
  }

  /// Fills the directory.
  func run() throws {
    let old = root.appending("boot/grub")
    for name in try Self.platforms(in: root) + ["fonts", "locale"] where access(old.appending(name).string, F_OK) == 0 {
      try ChildProcess("cp", ["--archive", "--reflink=auto", "--", old.appending(name).string, directory.string]).run()
    }
    try RootDirectory(directory).write(Data(InstallGrub.configuration(serial: nil).utf8), to: "grub.cfg")
    failPoint("boot loader's files copied")
  }
}
