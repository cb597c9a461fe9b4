import Boot
import Btrfs
import FoundationEssentials
import Glibc
import Host
import Nodes
import Rootfs
import SnapshotTree
import Store
import SystemPackage

/// `bootstrap`: makes a bootable disk with a store on it.
public struct Bootstrap {
  /// The file or disk for the system.
  public enum Target: Sendable, Equatable {
    /// A new file with a disk in it; an existing file is only replaced if `replacing`.
    case image(FilePath, size: Int64, replacing: Bool)
    /// A disk of this machine. Everything on it is lost.
    case disk(FilePath)
  }

  /// The file or disk for the system.
  public let target: Target
  /// The source of the system's base.
  public let source: BaseSource
  /// The package of its kernel.
  public let kernel: String
  /// Packages to install too: names, and paths of package files, which have a slash.
  public let packages: [String]
  /// Options for apt (apt.conf(5)) while they are installed.
  public let aptOptions: [AptOption]
  /// The system's name, language, accounts and consoles.
  public let answers: BootstrapAnswers
  /// The size of a partition of its own for kernels and the boot menu in bytes; nil for none.
  public let bootPartition: Int64?
  /// The passphrase of the disk; nil for a disk that is not encrypted.
  public let encryption: DiskPassphrase?

  /// The version of this ast.
  public let version: String

  /// A system to make.
  public init(
    _ target: Target, from source: BaseSource, kernel: String, packages: [String], aptOptions: [AptOption] = [],
    answers: BootstrapAnswers, bootPartition: Int64? = nil, encryption: DiskPassphrase? = nil, version: String
  ) {
    self.bootPartition = bootPartition
    self.encryption = encryption
    self.target = target
    self.source = source
    self.kernel = kernel
    self.packages = packages
    self.aptOptions = aptOptions
    self.answers = answers
    self.version = version
  }

  /// Makes the system.
  ///
  /// - Parameters:
  ///   - command: the command line, for the history.
  ///   - reader: reads the settings of the machine and of its nodes.
  ///   - messages: gets the output of programs.
  ///   - progress: gets a line for each step.
  ///   - warn: called with what could not be finished.
  /// - Throws: `AstError`. An image does not exist then; the old content of a disk is lost.
  public func run(
    command: String, reader: SettingsReader, messages: FileDescriptor, progress: @escaping (String) -> Void,
    warn: @escaping (String) -> Void
  ) throws {
    try answers.check()
    for name in [kernel] + packages where name.isEmpty || name.hasPrefix("-") {
      throw AstError(.usage, "not a valid package name: \(name)", state: .unchanged)
    }
    let files = try packageFiles()
    try requirePrograms()
    let steps = Steps(command: command, reader: reader, messages: messages, note: progress, warn: warn)
    Interruption.holdBack()
    switch target {
    case .disk(let path):
      let disk = try BlockDisk(path)
      try requireRoom(on: disk.size)
      try install(on: disk.path, size: disk.size, files, steps)
      try EFIBootEntry(on: disk.path, partition: PartitionedDisk.bootNumber).make(progress)
    case .image(let path, let size, let replacing):
      try requireRoom(on: size)
      let image = try DiskImage(at: path, size: size, replacing: replacing)
      do {
        try install(on: image.device, size: size, files, steps)
        try image.finish()
      } catch {
        image.discard()
        throw error
      }
    }
  }

  /// The package files among the packages: a name with a slash is a path.
  private func packageFiles() throws -> [PackageFile] {
    let files = try packages.filter { $0.contains("/") }.map { try PackageFile(FilePath($0)) }
    guard let ast = files.first(where: { $0.package == OwnPackage.name }), ast.version != version else {
      return files
    }
    throw AstError(
      .usage, "\(ast.path) is ast \(ast.version), and this is ast \(version)", state: .unchanged,
      hint: "make the system with the ast that it gets")
  }

  private func requirePrograms() throws {
    var programs: [HostProgram] = [.sfdisk, .partx, .mkfsBtrfs, .mkfsVfat, .mmd, .mcopy]
    if case .image = target { programs.append(.losetup) }
    if bootPartition != nil { programs.append(.mkfsExt4) }
    if encryption != nil { programs += [.cryptsetup, .dmsetup] }
    if case .bootstrap = source { programs.append(.mmdebstrap) }
    try HostProgram.require(programs)
    try source.requireReadable()
    if encryption != nil { try NewEncryptedVolume.requireDeviceMapper() }
  }

  private func requireRoom(on size: Int64) throws {
    if let bootPartition, bootPartition < Partitions.smallestVolume {
      throw AstError(
        .usage, "a boot partition of \(bootPartition) bytes is too small for kernels", state: .unchanged,
        hint: "256M is enough for a few")
    }
    let kernels = bootPartition ?? (encryption == nil ? 0 : Partitions.kernelsSize)
    guard size - kernels < Partitions.smallestDisk else { return }
    throw AstError(
      .usage, "a disk of \(size) bytes is too small for a system", state: .unchanged,
      hint: kernels == 0 ? "3G is enough" : "3G is enough, and \(kernels >> 20)M for kernels and the boot menu")
  }
}

/// The command line, and the receivers of output and messages.
private struct Steps {
  let command: String
  let reader: SettingsReader
  let messages: FileDescriptor
  let note: (String) -> Void
  let warn: (String) -> Void
}

/// The parts of the new disk.
private struct Places {
  let disk: PartitionedDisk
  /// The top of the btrfs.
  let top: TemporaryMount
  /// The UUID of the btrfs.
  let system: UUID
  /// The EFI system partition.
  let boot: FATVolume
  let bootID: VolumeID
  let volume: NewBootVolume
  /// The UUID of the LUKS volume around the btrfs; nil if there is none.
  let encryption: String?
}

/// The steps, in their order.
extension Bootstrap {
  private func install(on device: FilePath, size: Int64, _ files: [PackageFile], _ steps: Steps) throws {
    steps.note("making partitions and file systems on \(device)")
    let disk = try Partitions(
      forDiskOf: size, volume: bootPartition, holdsKernels: encryption != nil && bootPartition == nil
    ).write(to: device)
    let encrypted = try encryption.map {
      try NewEncryptedVolume(on: disk.system, passphrase: $0, memory: memoryForKey)
    }
    defer { encrypted?.end(warning: steps.warn) }
    let (device, system) = (encrypted?.device ?? disk.system, UUID())
    try ChildProcess(
      "mkfs.btrfs", ["--quiet", "--force", "--uuid", system.uuidString.lowercased(), "--", device.string]
    ).run()
    let top = try TemporaryMount(of: device)
    defer { top.end(warning: steps.warn) }
    let (boot, bootID) = (FATVolume(device: disk.boot, scratch: top.scratch), VolumeID())
    try boot.make(bootID)
    let volume = try bootVolume(on: disk, boot, bootID)
    defer { volume.end(warning: steps.warn) }
    for name in [Machine.store, Machine.variable, "@home", "@root", "@srv", Machine.grub] {
      _ = try Subvolume.create(at: top.path.appending(name))
    }
    let places = Places(
      disk: disk, top: top, system: system, boot: boot, bootID: bootID, volume: volume, encryption: encrypted?.uuid)
    try makeSystem(in: places, files, steps)
    try volume.sync()
    try FileSystem.sync(top.path)
  }

  /// An image is for another machine, which may have little memory. cryptsetup(8) takes half of what is here, and at most
  /// a GiB.
  private var memoryForKey: Int? {
    guard case .image = target else { return nil }
    return 1 << 18
  }

  /// GRUB does not read an encrypted disk: it reads kernels from the partition that is wanted for it, or from the EFI
  /// system partition.
  private func bootVolume(on disk: PartitionedDisk, _ boot: FATVolume, _ id: VolumeID) throws -> NewBootVolume {
    if let partition = disk.volume { return .partition(try NewBootPartition(on: partition)) }
    return encryption == nil ? .store : .efi(boot, id)
  }

  private func makeSystem(in places: Places, _ files: [PackageFile], _ steps: Steps) throws {
    let top = places.top
    let store = try Store.initialize(
      at: top.path.appending(Machine.store), from: baseSource, command: steps.command, reader: steps.reader,
      messages: steps.messages, progress: steps.note, warn: steps.warn
    ) { store, root in
      let base = BootstrapBase(store: store, root: root, messages: steps.messages)
      steps.note("configuring the system")
      if case .bootstrap = source {
      } else {
        try base.install(wanted(release: RootDirectory(root).releaseCodename), aptOptions)
      }
      try base.install(files, aptOptions)
      try base.apply(answers)
      try base.writeTable(system: places.system, boot: places.bootID, and: places.volume.entries)
      try places.encryption.map(base.writeEncryption)
      try base.installSystem(version: version)
      try base.makeInitrdForAnyMachine(isEncrypted: encryption != nil)
      try base.moveData(to: top.path)
      steps.note("installing GRUB")
      try installGrub(of: base, in: places)
      try places.volume.record(encryption: places.encryption)?.write(in: store.root)
    }
    try makeFirstSystem(in: store, steps)
  }

  private func installGrub(of base: BootstrapBase, in places: Places) throws {
    try places.volume.fill(besides: places.top) { directory in
      try InstallGrub(
        base: base, directory: directory, place: places.volume.place(besides: places.system),
        driver: places.volume.driver, serial: answers.serial, architecture: .current
      ).run(on: places.disk.disk, boot: places.boot)
    }
  }

  /// Makes the node that the machine starts.
  private func makeFirstSystem(in store: Store, _ steps: Steps) throws {
    let first = try store.addNode(GenerationReference(.base), at: .top, description: Description("first system"))
    _ = try store.deploy(first.node.id, DeployOptions(), progress: steps.note)
  }

  private func wanted(release: String?) -> [String] {
    BootstrapPackages(
      kernel: kernel, for: answers, and: packages.filter { !$0.contains("/") }, isEncrypted: encryption != nil,
      release: release, on: .current
    ).names
  }

  /// mmdebstrap(1) installs all packages at once.
  private var baseSource: BaseSource {
    guard case .bootstrap(let suite, let variant, let mirror, let include, _) = source else { return source }
    return .bootstrap(
      suite: suite, variant: variant, mirror: mirror, include: wanted(release: suite) + include,
      aptOptions: aptOptions)
  }
}
