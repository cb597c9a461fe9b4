import Boot
import Btrfs
import FoundationEssentials
import Glibc
import Host
import Nodes
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

  /// The version of this ast.
  public let version: String

  /// A system to make.
  public init(
    _ target: Target, from source: BaseSource, kernel: String, packages: [String], aptOptions: [AptOption] = [],
    answers: BootstrapAnswers, bootPartition: Int64? = nil, version: String
  ) {
    self.bootPartition = bootPartition
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
    if case .bootstrap = source { programs.append(.mmdebstrap) }
    try HostProgram.require(programs)
    try source.requireReadable()
  }

  private func requireRoom(on size: Int64) throws {
    if let bootPartition, bootPartition < Partitions.smallestVolume {
      throw AstError(
        .usage, "a boot partition of \(bootPartition) bytes is too small for kernels", state: .unchanged,
        hint: "256M is enough for a few")
    }
    guard size - (bootPartition ?? 0) < Partitions.smallestDisk else { return }
    throw AstError(
      .usage, "a disk of \(size) bytes is too small for a system", state: .unchanged, hint: "3G is enough")
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

/// The steps, in their order.
extension Bootstrap {
  private func install(on device: FilePath, size: Int64, _ files: [PackageFile], _ steps: Steps) throws {
    steps.note("making partitions and file systems on \(device)")
    let disk = try Partitions(forDiskOf: size, volume: bootPartition).write(to: device)
    let (system, bootID) = (UUID(), VolumeID())
    try ChildProcess(
      "mkfs.btrfs", ["--quiet", "--force", "--uuid", system.uuidString.lowercased(), "--", disk.system.string]
    ).run()
    let top = try TemporaryMount(of: disk.system)
    defer { top.end() }
    let boot = FATVolume(device: disk.boot, scratch: top.scratch)
    try boot.make(bootID)
    let volume = try disk.volume.map(NewBootVolume.init(on:))
    defer { volume?.end() }
    for name in [Machine.store, Machine.variable, "@home", "@root", "@srv", Machine.grub] {
      _ = try Subvolume.create(at: top.path.appending(name))
    }

    let store = try Store.initialize(
      at: top.path.appending(Machine.store), from: baseSource, command: steps.command, reader: steps.reader,
      messages: steps.messages, progress: steps.note, warn: steps.warn
    ) { store, root in
      let base = BootstrapBase(store: store, root: root, messages: steps.messages)
      steps.note("configuring the system")
      if case .bootstrap = source {} else { try base.install(wanted, aptOptions) }
      try base.install(files, aptOptions)
      try base.apply(answers)
      try base.writeTable(system: system, boot: bootID, and: volume.map { [$0.entry] } ?? [])
      try base.installSystem(version: version)
      try base.makeInitrdForAnyMachine()
      try base.moveData(to: top.path)
      steps.note("installing GRUB")
      try InstallGrub(
        base: base, directory: volume?.loader ?? top.path.appending(Machine.grub),
        place: volume?.place ?? LoaderPlace(onStore: system.uuidString.lowercased()),
        driver: volume == nil ? "btrfs" : "ext2", serial: answers.serial,
        architecture: .current
      ).run(on: device, boot: boot)
      try volume?.record.write(in: store.root)
    }
    try makeFirstSystem(in: store, steps)
    if let volume { try FileSystem.sync(volume.loader) }
    try FileSystem.sync(top.path)
  }

  /// Makes the node that the machine starts.
  private func makeFirstSystem(in store: Store, _ steps: Steps) throws {
    let first = try store.addNode(GenerationReference(.base), at: .top, description: Description("first system"))
    _ = try store.deploy(first.node.id, DeployOptions(), progress: steps.note)
  }

  private var wanted: [String] {
    BootstrapPackages(
      kernel: kernel, for: answers, and: packages.filter { !$0.contains("/") }, on: .current
    ).names
  }

  /// mmdebstrap(1) installs all packages at once.
  private var baseSource: BaseSource {
    guard case .bootstrap(let suite, let variant, let mirror, let include, _) = source else { return source }
    return .bootstrap(
      suite: suite, variant: variant, mirror: mirror, include: wanted + include, aptOptions: aptOptions)
  }
}
