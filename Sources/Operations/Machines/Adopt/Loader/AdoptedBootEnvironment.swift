import Etc
import FoundationEssentials
import Glibc
import Grub
import Host
import SystemPackage

/// The file on the EFI system partition in which GRUB counts how often a deployment was tried.
struct AdoptedBootEnvironment {
  private let partition: FilePath

  /// The file of a system. Nil if the partition is not mounted or /etc/fstab does not name it by its UUID: GRUB counts
  /// nothing then.
  init?(of system: AdoptableSystem) throws {
    let place: FilePath = "/boot/efi"
    guard let mount = system.mount(at: place), mount.type == "vfat", system.fstab.uuid(at: place) != nil else {
      return nil
    }
    partition = system.file(place)
  }

  /// Makes the file, with nothing counted. An existing one is from an adoption that was undone: its numbers come again.
  func make() throws {
    let directory = partition.appending("ast")
    try Files.ensureDirectory(directory)
    let path = directory.appending("grubenv")
    try Files.attempt("write", path) {
      let file = try FileDescriptor.open(
        path, .writeOnly, options: [.create, .truncate, .closeOnExec], permissions: .ownerReadWrite)
      try file.closeAfter {
        _ = try file.writeAll(EnvironmentBlock.empty.utf8)
        guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
      }
    }
    failPoint("boot environment made")
  }
}
