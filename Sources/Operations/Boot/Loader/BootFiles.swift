import Btrfs
import DebianFormats
import Etc
import Host
import SnapshotTree
import Store
import SystemPackage

/// What the firmware starts, and what the default deployment has in its place: the result of `boot-files`.
public struct BootFilesReport: Sendable {
  /// A file on an EFI system partition.
  public struct File: Sendable {
    /// Its place, from the top of the partition.
    public let place: FilePath
    /// Whose it is; nil for a text.
    public let owner: LoaderOwner?
    /// Its generations, in words; empty if it does not say.
    public let generations: String
    /// Whether it is what the default deployment has for this place; nil if that has nothing for it.
    public let isCurrent: Bool?
    /// Why it stays as it is, although the deployment has another one.
    public fileprivate(set) var reason: String?
  }

  /// An EFI system partition.
  public struct Partition: Sendable {
    /// Where it is mounted.
    public let mountPoint: FilePath
    /// Its name in /etc/fstab.
    public let source: String
    /// The size of its file system in bytes, and how much of that is free; nil if it cannot be read.
    public fileprivate(set) var space: (size: Int64, free: Int64)?
    /// Its files, sorted by place.
    public fileprivate(set) var files: [File] = []
    /// The places that lack a file.
    public fileprivate(set) var missing: [FilePath] = []
    /// The files that were replaced just now, in that order.
    public fileprivate(set) var renewed: [FilePath] = []
    /// Why it could not be read or renewed.
    public fileprivate(set) var failure: AstError?
  }

  /// The default deployment; nil if nothing is deployed.
  public let deployment: DeploymentID?
  /// The generations of its shim and GRUB, by the names of the programs.
  public fileprivate(set) var deploymentGenerations: [(program: String, generations: String)] = []
  /// Why it has no signed boot loader.
  public fileprivate(set) var deploymentFailure: AstError?
  /// Whether EFI firmware started this machine.
  public let isEFI: Bool
  /// Whether the firmware starts signed programs only; nil if it does not say.
  public let isSecure: Bool?
  /// The entry of the firmware's boot menu that has started this machine.
  public let entry: FirmwareEntry?
  /// What firmware knows of the key for kernel modules; nil if there is no key.
  public fileprivate(set) var moduleKey: ModuleKeyReport?
  /// The modules of the deployment that DKMS has built and that Secure Boot refuses.
  public fileprivate(set) var refusedModules: [RefusedModule] = []
  /// The EFI system partitions that the deployment's /etc/fstab names.
  public fileprivate(set) var partitions: [Partition] = []

  /// Why a renewal did not do all that it was to do.
  public var renewalFailure: AstError? {
    if deployment == nil {
      return AstError(.refused, "nothing is deployed", state: .unchanged, hint: "`ast deploy` makes a deployment")
    }
    if partitions.isEmpty {
      return AstError(.refused, "the deployment's /etc/fstab names no EFI system partition", state: .unchanged)
    }
    return deploymentFailure ?? partitions.lazy.compactMap(\.failure).first
  }
}

/// `boot-files`.
extension Store {
  /// Describes the boot loader, and renews it if wanted.
  ///
  /// - Parameter note: gets a line for what is done.
  public func bootFiles(renewing: Bool, note: (String) -> Void) throws -> BootFilesReport {
    try bootFiles(renewing ? .everything : nil, FirmwareVariables(), note)
  }

  func bootFiles(
    _ extent: LoaderPlan.Extent?, _ firmware: FirmwareVariables, _ note: (String) -> Void
  ) throws -> BootFilesReport {
    let lock = try extent.map { _ in try lockLoader() }
    defer { withExtendedLifetime(lock) {} }
    let deployment = try tree.defaultDeployment.flatMap(tree.deployment)
    var report = BootFilesReport(
      deployment: deployment?.id, isEFI: firmware.arePresent, isSecure: try firmware.isSecure,
      entry: try firmware.current)
    report.moduleKey = try ModuleKey.existing(in: self.root).flatMap { try ModuleKeyReport($0, firmware) }
    guard let deployment else { return report }
    if extent != .whatIsThere {
      report.refusedModules = try RefusedModule.all(of: deployment, in: self, report.moduleKey)
    }
    let root = RootDirectory(path(of: deployment))
    let menu = try LoaderPlace(of: self.root)
    let fileSystem = menu.fileSystem
    let other = try AdoptionRecord(in: self.root)?.bootFileSystem
    var chain: LoaderChain?
    do {
      let made = try LoaderChain(
        in: root, of: "deployment \(deployment.id)", for: .current, leadingTo: menu)
      report.deploymentGenerations = made.programs
      chain = made
    } catch let error as AstError where error.code == .refused {
      report.deploymentFailure = error
    }
    let table = Fstab(try root.contents(of: "/etc/fstab") ?? .init())
    for entry in EFIPartition.entries(in: table) {
      var partition = BootFilesReport.Partition(mountPoint: entry.mountPoint, source: entry.source)
      do {
        let opened = try EFIPartition(entry)
        if let extent, let chain {
          let renewal = RenewLoader(chain: chain, partition: opened, fileSystem: fileSystem, other: other)
          partition.renewed = try renewal.run(extent, warning: warn).written.map(\.place)
          if extent == .everything { try makeEntry(for: opened, firmware, note) }
        }
        if extent == .whatIsThere { try removeOlderLoader(from: opened, firmware) }
        try partition.describe(opened, chain, fileSystem, or: other)
      } catch {
        try Interruption.check()
        partition.failure = AstError(error)
      }
      report.partitions.append(partition)
    }
    return report
  }

  private func lockLoader() throws -> Lock {
    guard let lock = try lockBriefly("loader", .seconds(60), "another renewal of the boot loader") else {
      throw AstError(
        .busy, "another command renews the boot loader", state: .unchanged, hint: "run the command again")
    }
    return lock
  }

  /// Makes an entry in the firmware's boot menu unless there is one for the partition.
  private func makeEntry(for partition: EFIPartition, _ firmware: FirmwareVariables, _ note: (String) -> Void) throws {
    guard firmware.arePresent, let (disk, number) = try partition.partition() else { return }
    let uuid = try ChildProcess(
      "lsblk", ["--noheadings", "--nodeps", "--output", "PARTUUID", "--", partition.device.string]
    ).line().lowercased()
    let program = SignedLoader(for: .current).entryPath.lowercased()
    let isThere = try firmware.entries.contains { $0.program?.lowercased() == program && $0.partition == uuid }
    if !isThere { try EFIBootEntry(on: disk, partition: number).make(note) }
  }
}

extension LoaderChain {
  /// The generations of shim and GRUB.
  fileprivate var programs: [(program: String, generations: String)] {
    files.filter { $0.directory == .debian }.compactMap { file in
      file.program.flatMap { [.shim, .grub].contains($0) ? ($0.rawValue, file.generations.text) : nil }
    }
  }
}

extension BootFilesReport.Partition {
  /// Lists the files of the directories that firmware looks in.
  fileprivate mutating func describe(
    _ partition: EFIPartition, _ chain: LoaderChain?, _ fileSystem: String, or other: String?
  ) throws {
    space = try partition.space()
    for directory in SignedLoader.Directory.allCases {
      let wanted = chain?.files.filter { $0.directory == directory } ?? []
      for name in try partition.names(in: FilePath(directory.rawValue)) {
        let place = FilePath(directory.rawValue).appending(name)
        guard let content = try partition.contents(of: place) else { continue }
        let file = wanted.first { $0.place.string.lowercased() == place.string.lowercased() }
        let isText = !content.starts(with: "MZ".utf8)
        files.append(
          BootFilesReport.File(
            place: place, owner: isText ? nil : LoaderOwner(of: content, fileSystem: fileSystem),
            generations: EFIProgram(content)?.generations.text ?? "",
            isCurrent: file.map { $0.content == content || isText }))
      }
      let present = Set(files.map { $0.place.string.lowercased() })
      missing += wanted.map(\.place).filter { !present.contains($0.string.lowercased()) }
    }
    guard let chain else { return }
    let plan = try LoaderPlan(chain, .everything, fileSystem: fileSystem, or: other, reading: partition.contents)
    for kept in plan.kept {
      for index in files.indices where files[index].place == kept.place { files[index].reason = kept.reason }
    }
  }
}
