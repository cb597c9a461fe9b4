import Boot
import Btrfs
import DebianFormats
import Etc
import FoundationEssentials
import Glibc
import Host
import Store
import SystemPackage

/// `migrate`: copies the Debian that runs, whatever file system it is on, to another disk, as a system of deployments.
///
/// Its root is copied to a subvolume of a new btrfs while it runs, and that is adopted. The first start of the deployment
/// copies once more what was changed until then, from the old disk, which is only read; after it everything is as for a
/// system that was adopted. The old disk stays as it is but for a few lines in a file of its boot loader, by which the
/// machine starts from the new one.
public struct Migration {
  /// The subvolume with the copy of the root.
  static let copy = "@before"

  /// The mount point of the root of the system.
  private let root: FilePath
  private let command: String
  private let reader: SettingsReader

  /// The migration of the system whose root is mounted at `root`.
  public init(_ root: FilePath = "/", command: String, reader: SettingsReader) {
    self.root = root
    self.command = command
    self.reader = reader
  }

  /// The plan of the migration to a disk; nothing is made.
  ///
  /// - Throws: `AstError`, refused if the system cannot be copied, or the disk is in use.
  public func plan(to disk: FilePath) throws -> MigrationPlan {
    try MigrationPlan(of: InstalledDebian(at: root), to: disk)
  }

  /// Copies the system to a disk, and has the machine start from it.
  ///
  /// - Throws: `AstError`; the machine boots what it did before, and the disk has no system.
  public func migrate(
    to path: FilePath, messages: FileDescriptor, progress: @escaping (String) -> Void, warn: @escaping (String) -> Void
  ) throws {
    let lock = try Adoption(root, command: command, reader: reader).lock()
    defer { withExtendedLifetime(lock) {} }
    Interruption.holdBack()
    let system = try InstalledDebian(at: root)
    let plan = try MigrationPlan(of: system, to: path)
    let packages = try system.lockPackages()
    defer { withExtendedLifetime(packages) {} }
    progress("making partitions and file systems on \(plan.disk.path)")
    let disk = try Partitions(forDiskOf: plan.disk.size).write(to: plan.disk.path)
    let (fileSystem, bootID) = (UUID(), VolumeID())
    try ChildProcess(
      "mkfs.btrfs", ["--quiet", "--force", "--uuid", fileSystem.uuidString.lowercased(), "--", disk.system.string]
    ).run()
    let top = try TemporaryMount(of: disk.system)
    defer { top.end(warning: warn) }
    let boot = FATVolume(device: disk.boot, scratch: top.scratch)
    try boot.make(bootID)
    let original = try copy(plan, to: top.path, progress)
    try completeTable(at: top.path, fileSystem, bootID, plan)
    try FileSystem.sync(top.path)
    failPoint("system copied")
    try adopt(plan, original, on: disk, boot, at: top.path, messages, progress, warn)
    try FileSystem.sync(top.path)
    try Interruption.check()
    // Before this step the machine boots the old disk, after it the new one.
    try BootHook(in: system.file("/boot/grub")).install(
      leadingTo: LoaderPlace(onStore: fileSystem.uuidString.lowercased()), undo: "ast migrate --undo")
    Adoption(root, command: command, reader: reader).setNotice(Self.restartNotice, warn: warn)
  }

  private static let restartNotice =
    "This system was copied by ast. Restart it soon: packages installed until then stay behind.\n"

  /// Copies the system while it runs.
  private func copy(
    _ plan: MigrationPlan, to top: FilePath, _ progress: (String) -> Void
  ) throws -> AdoptionRecord.Original {
    let root = top.appending(Self.copy)
    try Subvolume.create(at: root)
    // The clock of files may be some milliseconds behind.
    let original = AdoptionRecord.Original(
      parts: plan.parts, began: Int(Date().timeIntervalSince1970) - 2, bootDirectory: plan.bootLoader.directory.string)
    // What a program writes to a mapped file changes its status only if the page was clean: from here on each write does.
    for place in plan.places { try FileSystem.sync(place) }
    for (part, place) in zip(plan.parts, plan.places) {
      progress("copying \(part.place)")
      guard let source = try OpenDirectory(place).directoryWithoutMounts(OpenDirectory.itself) else {
        throw OpenDirectory.failure("find", place, ENOENT)
      }
      try OriginalDisk.copy(source, of: part, of: original, to: root, isProtecting: false)
      failPoint("part copied")
    }
    return original
  }

  /// Gives the copy the table of file systems of the new disk.
  private func completeTable(at top: FilePath, _ fileSystem: UUID, _ bootID: VolumeID, _ plan: MigrationPlan) throws {
    let files = RootDirectory(top.appending(Self.copy))
    let table = Fstab(try files.contents(of: "/etc/fstab") ?? Data()).copied(
      to: fileSystem.uuidString.lowercased(), efiPartition: "\(bootID)", omitting: Set(plan.copied))
    try files.write(Data(table.content), to: "/etc/fstab")
    try files.makeDirectory("/boot/efi")
  }

  private func adopt(
    _ plan: MigrationPlan, _ original: AdoptionRecord.Original, on disk: PartitionedDisk, _ boot: FATVolume,
    at top: FilePath, _ messages: FileDescriptor, _ progress: @escaping (String) -> Void,
    _ warn: @escaping (String) -> Void
  ) throws {
    let copy = try TemporaryMount(of: disk.system, subvolume: Self.copy)
    defer { copy.end(warning: warn) }
    let system = try AdoptableSystem(at: copy.path)
    let adoption = Adoption(copy.path, command: command, reader: reader)
    try adoption.makeSubvolumes(
      AdoptionPlan(of: system, top: top), of: system, at: top, bootFileSystem: plan.bootLoader.fileSystem,
      original: original)
    try adoption.makeStore(of: system, at: top, messages, progress, warn) { store, base in
      progress("installing GRUB on \(disk.disk)")
      let grub = InstallGrub(
        base: BootstrapBase(store: store, root: base, messages: messages), directory: top.appending(Machine.grub),
        place: LoaderPlace(onStore: system.fileSystem.uuidString.lowercased()), driver: "btrfs", serial: nil,
        architecture: .current)
      if plan.platforms.bios { try grub.installForBIOS(on: disk.disk) }
      try grub.makeEFIPartition(boot)
      if plan.platforms.efi { try grub.installForEFI(on: boot) }
    }
  }

  /// Makes the machine boot the old disk again, from the system there. The new disk stays as it is.
  ///
  /// - Throws: `AstError`; not found if the machine does not boot from another disk.
  public func undo(warn: (String) -> Void) throws {
    let adoption = Adoption(root, command: command, reader: reader)
    let lock = try adoption.lock()
    defer { withExtendedLifetime(lock) {} }
    let hook = BootHook(in: try InstalledDebian(at: root).file("/boot/grub"))
    guard try hook.isThere else {
      throw AstError(.notFound, "this system was not copied to another disk", state: .unchanged)
    }
    try hook.remove()
    adoption.setNotice(nil, warn: warn)
  }
}
