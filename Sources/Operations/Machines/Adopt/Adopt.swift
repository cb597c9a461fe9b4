import Boot
import Btrfs
import FoundationEssentials
import Glibc
import Host
import Nodes
import SnapshotTree
import Store
import SystemPackage

/// `adopt`: makes the running Debian a system of deployments.
extension Adoption {
  /// The plan of the adoption; nothing is made.
  ///
  /// - Throws: `AstError`, refused if the system cannot be adopted.
  public func plan() throws -> AdoptionPlan {
    let system = try AdoptableSystem(at: root)
    try DebianRefusals(system.debian).requireMachine()
    let disk = try TemporaryMount(of: system)
    defer { disk.end() }
    let leftover = try Leftover(at: disk.path)
    try leftover?.requireRemovable()
    return try AdoptionPlan(of: system, top: disk.path, ignoring: leftover)
  }

  /// Adopts the system.
  ///
  /// - Throws: `AstError`; nothing is left of the adoption then, and the machine boots what it did before.
  /// - Returns: the plan that was carried out.
  public func adopt(
    messages: FileDescriptor, progress: (String) -> Void, warn: @escaping (String) -> Void
  ) throws -> AdoptionPlan {
    let lock = try lock()
    defer { withExtendedLifetime(lock) {} }
    Interruption.holdBack()
    let system = try AdoptableSystem(at: root)
    try DebianRefusals(system.debian).requireMachine()
    let disk = try TemporaryMount(of: system)
    defer { disk.end() }
    try removeLeftover(at: disk.path, progress)
    let plan = try AdoptionPlan(of: system, top: disk.path)
    do {
      let packages = try system.debian.lockPackages()
      defer { withExtendedLifetime(packages) {} }
      try makeSubvolumes(
        plan, of: system, at: disk.path, bootFileSystem: BootPartition(of: system.debian)?.identity)
      try makeStore(of: system, at: disk.path, messages, progress, warn)
      try AdoptedBootEnvironment(of: system)?.make()
      try Interruption.check()
      // Before this step the machine boots the old system, after it a deployment.
      try BootHook(in: system.file("/boot/grub")).install(
        leadingTo: LoaderPlace(of: disk.path.appending(Machine.store)),
        modules: AdoptedBootVolume(of: system)?.partition.modules ?? Storage(of: system.devices).modules)
    } catch {
      if let leftover = try? Leftover(at: disk.path), (try? leftover.requireRemovable()) != nil {
        try leftover.remove()
      }
      throw error
    }
    setNotice(Self.restartNotice, warn: warn)
    return plan
  }

  private func removeLeftover(at top: FilePath, _ progress: (String) -> Void) throws {
    guard let leftover = try Leftover(at: top) else { return }
    try leftover.requireRemovable()
    progress("removing the remains of an unfinished adoption")
    try leftover.remove()
  }

  /// Makes the subvolumes, and records them before any of them is at its place: they are known by their identity later.
  func makeSubvolumes(
    _ plan: AdoptionPlan, of system: AdoptableSystem, at top: FilePath, bootFileSystem: String?,
    original: AdoptionRecord.Original? = nil
  ) throws {
    let staging = top.appending(Leftover.staging)
    try Subvolume.create(at: staging)
    failPoint("staging made")
    var made: [String: UUID] = [:]
    for name in plan.made where name != Machine.store {
      made[name] = try Subvolume.create(at: staging.appending(name)).info().uuid
    }
    let record = AdoptionRecord(
      subvolume: system.subvolume, identity: system.identity, made: made,
      data: plan.data.compactMap { $0.lastComponent?.string },
      bootFileSystem: bootFileSystem, original: original)
    try record.write(in: staging)
    let store = top.appending(Machine.store)
    for (old, new) in [(staging, store)] + made.keys.sorted().map({ (store.appending($0), top.appending($0)) }) {
      try Files.rename(old, to: new)
      failPoint("subvolume at its place")
    }
    try FileSystem.sync(top)
  }

  /// Makes the store with the first deployment, and what GRUB reads.
  ///
  /// - Parameter complete: does more with the base, whose path it gets.
  func makeStore(
    of system: AdoptableSystem, at top: FilePath, _ messages: FileDescriptor, _ progress: (String) -> Void,
    _ warn: @escaping (String) -> Void, complete: (Store, FilePath) throws -> Void = { _, _ in }
  ) throws {
    let store = try Store.initialize(
      at: top.appending(Machine.store), from: .snapshot(system.root), command: command, reader: reader,
      messages: messages, progress: progress, warn: warn
    ) { store, base in
      progress("leaving out data that belongs to the machine")
      try AdoptedBase(root: base, system: system).run()
      let volume = try AdoptedBootVolume(of: system)
      try volume?.record(in: store.root)
      try AdoptedGrub(root: system.root, directory: volume?.makeLoader() ?? top.appending(Machine.grub)).run()
      try complete(store, base)
    }
    let first = try store.addNode(
      GenerationReference(.base), at: .top, description: Description("the system that was adopted"))
    var options = DeployOptions()
    options.before = system.root
    _ = try store.deploy(first.node.id, options, progress: progress)
    failPoint("first deployment made")
    try store.proposeLoopbackPorts()
  }
}
