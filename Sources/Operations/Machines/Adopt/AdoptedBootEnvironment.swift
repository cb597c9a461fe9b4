import Etc
import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// The file on the EFI system partition in which GRUB counts how often a deployment was tried.
struct AdoptedBootEnvironment {
  private let partition: FilePath

  /// Nil where the system has no such partition mounted, or /etc/fstab does not name it by its UUID: then nothing is
  /// counted.
  init?(of system: AdoptableSystem) throws {
    let place: FilePath = "/boot/efi"
    guard let mount = system.mount(at: place), mount.type == "vfat",
      system.fstab.entries.contains(where: { $0.mountPoint == place && $0.source.hasPrefix("UUID=") })
    else { return nil }
    partition = system.file(place)
  }

  /// Makes it, with nothing counted. One that is there is of an adoption that was taken back, whose numbers come again.
  func make() throws {
    let directory = partition.appending("ast")
    try Files.ensureDirectory(directory)
    let path = directory.appending("grubenv")
    try Files.attempt("write", path) {
      let file = try FileDescriptor.open(
        path, .writeOnly, options: [.create, .truncate, .closeOnExec], permissions: .ownerReadWrite)
      try file.closeAfter {
        _ = try file.writeAll(InstallGrub.emptyEnvironment.utf8)
        guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
      }
    }
    failPoint("boot environment made")
  }
}
