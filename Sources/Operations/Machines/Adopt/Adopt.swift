import Boot
import Btrfs
import FoundationEssentials
import Glibc
import Host
import Nodes
import SnapshotTree
import Store
import SystemPackage

/// `adopt`: makes it.
extension Adoption {
  /// What would be made.
  ///
  /// - Throws: `AstError`, refused where something stands in the way.
  public func plan() throws -> AdoptionPlan {
    let system = try AdoptableSystem(at: root)
    try AdoptionRefusals(system).requireMachine()
    let disk = try TemporaryMount(of: system)
    defer { disk.end() }
    let leftover = try Leftover(at: disk.path)
    try leftover?.requireRemovable()
    return try AdoptionPlan(of: system, top: disk.path, ignoring: leftover)
  }

  /// Does it.
  ///
  /// - Throws: `AstError`; nothing is left of it then, and the machine boots what it did before.
  /// - Returns: what was made.
  public func adopt(
    messages: FileDescriptor, progress: (String) -> Void, warn: (String) -> Void
  ) throws -> AdoptionPlan {
    let lock = try lock()
    defer { withExtendedLifetime(lock) {} }
    Interruption.holdBack()
    let system = try AdoptableSystem(at: root)
    try AdoptionRefusals(system).requireMachine()
    let disk = try TemporaryMount(of: system)
    defer { disk.end() }
    try removeLeftover(at: disk.path, progress)
    let plan = try AdoptionPlan(of: system, top: disk.path)
    do {
      let packages = try system.lockPackages()
      defer { withExtendedLifetime(packages) {} }
      try makeSubvolumes(plan, of: system, at: disk.path)
      try makeStore(of: system, at: disk.path, messages, progress)
      try AdoptedBootEnvironment(of: system)?.make()
      try Interruption.check()
      // Before this the machine boots what it always did, after it a deployment.
      try BootHook(in: system.file("/boot/grub")).install(fileSystem: system.fileSystem)
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
    progress("removing what an adoption that did not come to its end has left")
    try leftover.remove()
  }

  /// Makes the subvolumes, and a record of them before any of them is at its place: what is found there later is known
  /// by its identity.
  private func makeSubvolumes(_ plan: AdoptionPlan, of system: AdoptableSystem, at top: FilePath) throws {
    let staging = top.appending(Leftover.staging)
    try Subvolume.create(at: staging)
    failPoint("staging made")
    var made: [String: UUID] = [:]
    for name in plan.made where name != Machine.store {
      made[name] = try Subvolume.create(at: staging.appending(name)).info().uuid
    }
    let record = AdoptionRecord(
      subvolume: system.subvolume, identity: system.identity, made: made,
      data: plan.data.compactMap { $0.lastComponent?.string })
    try record.write(in: staging)
    let store = top.appending(Machine.store)
    for (old, new) in [(staging, store)] + made.keys.sorted().map({ (store.appending($0), top.appending($0)) }) {
      guard rename(old.string, new.string) == 0 else { throw Errno(rawValue: errno) }
      failPoint("subvolume at its place")
    }
    try FileSystem.sync(top)
  }

  private func makeStore(
    of system: AdoptableSystem, at top: FilePath, _ messages: FileDescriptor, _ progress: (String) -> Void
  ) throws {
    let store = try Store.initialize(
      at: top.appending(Machine.store), from: .snapshot(system.root), command: command, reader: reader,
      messages: messages, progress: progress
    ) { _, base in
      progress("leaving out what is not the system's but the machine's")
      try AdoptedBase(root: base, system: system).run()
    }
    try AdoptedGrub(root: system.root, directory: top.appending(Machine.grub)).run()
    let first = try store.graft(.base, at: .top, description: Description("the system that was adopted"))
    _ = try store.deploy(first.node.id, DeployOptions(), progress: progress)
    failPoint("first deployment made")
  }
}
