import Boot
import DebianFormats
import Etc
import FoundationEssentials
import Glibc
import Host
import Store
import SystemPackage

/// What `migrate` would make of a system. A plan exists only for a system that can be copied.
public struct MigrationPlan: Sendable {
  /// The disk that gets the system.
  public let disk: BlockDisk
  /// The directories whose file systems are copied, the root first.
  public let copied: [FilePath]
  /// How much is in use in these file systems, in bytes.
  public let used: Int64
  /// The other mounts, which stay as they are.
  public let kept: [FilePath]

  /// The file systems that are copied, the root first.
  let parts: [AdoptionRecord.Original.Part]
  /// Where they are mounted on this machine.
  let places: [FilePath]
  /// The UUID of the file system with GRUB's directory, and that directory there.
  let bootLoader: (fileSystem: String, directory: FilePath)
  /// Whether the copy gets GRUB for a BIOS, and for EFI.
  let platforms: (bios: Bool, efi: Bool)

  /// The types that are copied: GRUB and a first start read them.
  private static let types: Set<String> = ["ext2", "ext3", "ext4", "xfs"]
  /// The directories of Debian's installer that may be file systems of their own. What is mounted elsewhere stays there.
  private static let directories: Set<String> = ["boot", "home", "opt", "root", "srv", "usr", "var"]
  private static let efiPartition: FilePath = "/boot/efi"

  /// Examines a system and the disk for it.
  ///
  /// - Throws: `AstError`, refused with a reason; `noSpace` if the disk is too small.
  init(of system: InstalledDebian, to path: FilePath) throws {
    let refusals = DebianRefusals(system)
    try refusals.requireStartByGrub()
    let mounts = try Self.mounts(of: system)
    try refusals.requireContents()
    disk = try BlockDisk(path)
    try HostProgram.require([.sfdisk, .partx, .mkfsBtrfs, .mkfsVfat, .mmd, .mcopy])
    places = mounts.map(\.mount.place)
    copied = mounts.map(\.place)
    parts = try mounts.map { place, mount in
      AdoptionRecord.Original.Part(
        place: place.string, source: "UUID=\(try Self.identity(of: mount, at: place))", type: mount.type)
    }
    let moved = Set(copied + [Self.efiPartition, "/"])
    kept = system.fstab.entries.map(\.mountPoint).filter { !moved.contains($0) && $0.isAbsolute }.uniqued()
    used = try places.reduce(0) { try $0 + Self.used(at: $1) }
    bootLoader = try Self.bootLoader(in: parts)
    platforms = try Self.platforms(of: system)
    // The tree of a btrfs, the packages of a first upgrade, and a second kernel.
    let needed = used + used / 10 + 2 << 30
    guard disk.size >= needed else {
      throw AstError(
        .noSpace, "\(disk.path) has \(disk.size >> 20) MiB, and this system needs \(needed >> 20)", state: .unchanged)
    }
  }

  /// The mounts that are copied, by their paths inside.
  private static func mounts(of system: InstalledDebian) throws -> [(place: FilePath, mount: Mount)] {
    guard let root = try MountTable.mounts().last(where: { $0.place == system.root }) else {
      throw AdoptableSystem.refusal("\(system.root) is not the root of a file system")
    }
    guard root.type != "btrfs" else {
      throw AdoptableSystem.refusal(
        "the root file system is a btrfs", hint: "`ast adopt` converts this system where it is")
    }
    let all = [FilePath("/")] + system.fstab.entries.map(\.mountPoint).filter(isCopied)
    return try all.uniqued().compactMap { place in
      guard let mount = place == "/" ? root : system.mount(at: place) else {
        let line = system.fstab.entries.last { $0.mountPoint == place }
        if line?.options.split(separator: ",").contains("noauto") ?? false { return nil }
        throw AdoptableSystem.refusal(
          "/etc/fstab mounts \(place), and it is not mounted", hint: "`mount \(place)`, or take out its line")
      }
      guard types.contains(mount.type), mount.source.isAbsolute else {
        throw AdoptableSystem.refusal(
          "\(place) is a file system of the type \(mount.type), which is not copied",
          hint: "these are: \(types.sorted().joined(separator: ", "))")
      }
      return (place, mount)
    }
  }

  private static func isCopied(_ place: FilePath) -> Bool {
    guard place != efiPartition, let first = place.components.first else { return false }
    return directories.contains(first.string)
  }

  private static func identity(of mount: Mount, at place: FilePath) throws -> String {
    let identity = try ChildProcess(
      "blkid", ["--probe", "--match-tag", "UUID", "--output", "value", mount.source.string]
    ).line()
    guard UUID(uuidString: identity) != nil else {
      throw AdoptableSystem.refusal("the file system at \(place) has no UUID", hint: "`tune2fs -U random` gives it one")
    }
    return identity
  }

  private static func used(at place: FilePath) throws -> Int64 {
    var status = statvfs()
    guard statvfs(place.string, &status) == 0 else { throw FileError("examine", place, Errno(rawValue: errno)) }
    return Int64(status.f_blocks - status.f_bfree) * Int64(status.f_frsize)
  }

  private static func bootLoader(
    in parts: [AdoptionRecord.Original.Part]
  ) throws -> (fileSystem: String, directory: FilePath) {
    let directory: FilePath = "/boot/grub"
    let around = parts.filter { directory.starts(with: FilePath($0.place)) }
    guard let part = around.max(by: { $0.place.count < $1.place.count }) else {
      throw AdoptableSystem.refusal("\(directory) is on no file system that is copied")
    }
    let inside = directory.components.dropFirst(FilePath(part.place).components.count)
    return (String(part.source.dropFirst("UUID=".count)), FilePath(root: "/", inside))
  }

  /// What the disk can start by: what the machine's firmware needs has to be there.
  private static func platforms(of system: InstalledDebian) throws -> (bios: Bool, efi: Bool) {
    let files = RootDirectory(system.root)
    let architecture = DebianArchitecture.current
    let isEFI = access("/sys/firmware/efi", F_OK) == 0
    let place = LoaderPlace(onStore: "")
    let chain = Result { try LoaderChain(in: files, of: "this system", for: architecture, leadingTo: place) }
    if isEFI { _ = try chain.get() }
    let hasEFI = (try? chain.get()) != nil
    guard architecture.hasBIOS, let module = try files.contents(of: "/usr/lib/grub/i386-pc/normal.mod") else {
      guard isEFI else {
        throw AdoptableSystem.refusal("there is no GRUB for a BIOS", hint: "apt-get install grub-pc-bin")
      }
      return (false, hasEFI)
    }
    // The GRUB on the old disk reads the menu too, with the modules that are beside the menu.
    let own = try files.contents(of: "/boot/grub/i386-pc/normal.mod")
    guard own == nil || own == module else {
      throw AdoptableSystem.refusal(
        "the GRUB on the disk is not the one of the package grub-pc-bin", hint: "`grub-install` that disk again")
    }
    return (true, hasEFI)
  }
}
