import Btrfs
import DebianFormats
import Etc
import FoundationEssentials
import Glibc
import Host
import Rootfs
import Sandbox
import SnapshotTree
import Store
import SystemPackage

/// The options of a deployment.
public struct DeployOptions: Sendable {
  /// The choice of what boots the next time.
  public enum Choice: Sendable {
    /// The new deployment, from now on.
    case always
    /// The new deployment, the next time only.
    case once
    /// The same as before.
    case never
  }

  /// How the changes in /etc are merged.
  public var etc = EtcMode.merge
  /// The choice of what boots the next time.
  public var choice = Choice.always
  /// Whether an initrd with the key of a disk may be copied to where GRUB reads it, which is not encrypted.
  public var allowsKeyInInitrd = false
  /// The root of the system that runs until the first start, if it is not a deployment. The node is a copy of it.
  package var before: FilePath?

  /// The usual: changes in /etc are merged, and the new deployment boots from now on.
  public init() {}
}

/// A deployment that was made.
public struct DeployOutcome: Sendable {
  /// The deployment.
  public let deployment: Deployment
  /// The result of merging the changes in /etc.
  public let etc: EtcReport
  /// The deployment that boots if the new one does not come up; nil if none is known to be good.
  public let fallback: DeploymentID?
  /// The deployment that would have booted the next time, and only then, before this one took its place; nil if there
  /// was none.
  public let supersededOnce: DeploymentID?
  /// The old deployments that were deleted, because there are newer ones.
  public let deleted: [DeploymentID]
  /// The operation.
  public let operation: OperationID
}

/// `deploy`: a bootable instance of a node.
extension Store {
  /// Makes a deployment of a node's current generation: the generation with the machine's own /etc merged in.
  ///
  /// The booted system and the default deployment are never touched: until the commit there is only a subvolume that no
  /// row refers to, and after it the boot menu is replaced as a whole.
  ///
  /// - Throws: `AstError`; then the next boot is what it would have been.
  public func deploy(_ id: NodeID, _ options: DeployOptions, progress: (String) -> Void) throws -> DeployOutcome {
    let machine = try requireMachine()
    let lock = try lock(id)
    defer { withExtendedLifetime(lock) {} }
    let generation = try current(try node(id))
    let pristine = try subvolume(of: generation).path
    try requireBootable(pristine, id)
    let source = try etcSource(options)

    // 1 intent
    let operation = try change(holding: [id]) { try intend("deploy", on: id, from: generation.number, to: nil) }
    failPoint("intent entered")
    do {
      // 2 stage
      progress("making a deployment of node \(id)")
      let staged = try Subvolume(at: pristine).snapshot(to: deployStaging(operation), readOnly: false)
      failPoint("staged")
      // 3 work
      // The changes are taken from a snapshot: it is the base of the merge at the first start.
      try source.map { try Bases(in: root).stage($0.base, for: operation) }
      failPoint("base made")
      var merges = [try mergeEtc(of: source, operation, into: staged.path, generation: pristine, options.etc)]
      if case .trial(let running) = try booted() {
        merges.append(try mergeTrial(of: running, into: staged, operation))
      }
      failPoint("etc merged")
      try prepare(staged.path, on: machine)
      try make(whatFollowsFrom: merges.flatMap(\.steps), in: staged.path, of: id, on: machine, progress: progress)
      try warnOfMissingParts(in: staged.path, of: id)
      try giveStartProgram(to: staged.path)
      if options.choice == .once { try requireBootEnvironment(in: staged.path) }
      // 4 verify
      guard let boot = try bootFiles(in: staged.path, of: id, settingsIn: pristine) else { throw unbootable(id) }
      try requireInitrd(in: staged.path, of: id, options)
      let configuration = try GrubConfiguration(
        of: staged.path, on: machine, isRunning: try booted() != nil, warning: warn)
      try configuration.prepare(progress: progress)
      // 5 seal
      try machine.sync()
      let copies = try copyBootFiles(boot, of: staged.path, holding: [id], own: operation)
      failPoint("sealed")
      if let copies {
        try GrubCheck.requireReadable(copies, of: staged.path)
      } else {
        try GrubCheck(in: root).requireReadable(boot, in: FilePath("deploy/.\(operation)"))
      }
      // 6 commit, 7 publish
      try Interruption.check()
      let made = try change(holding: [id], own: operation) {
        let made = try enter(staged, of: generation, boot, merges, options, from: source, operation)
        try tree.finish(operation, .done)
        return made
      }
      keepTrialEtc(of: operation, for: made.deployment.id)
      // The new grub.cfg changes the look of the menu, not its entries.
      do {
        try configuration.install(for: root, warning: warn)
      } catch {
        warn("\(AstError(error).reason); grub.cfg was left unchanged, and the next deploy tries this again")
      }
      return made
    } catch let error as TreeError where error.isOutcomeUnknown {
      throw error
    } catch {
      let failure = AstError(error).ending(operation)
      try abandon(operation, on: id, nil, failure.message)
      try TrialEtc.remove(operation)
      throw failure
    }
  }

  /// The deployment is committed: if the copy cannot be kept, that is no reason to undo it.
  private func keepTrialEtc(of operation: OperationID, for deployment: DeploymentID) {
    do {
      try TrialEtc.keep(operation, for: deployment)
    } catch {
      warn("what is changed in /etc from now on will not come along: \(AstError(error).reason)")
    }
  }

  /// The changes in /etc that a deployment would merge, and how.
  public func simulateDeploy(_ id: NodeID, _ options: DeployOptions) throws -> EtcReport {
    let pristine = try subvolume(of: try current(try node(id))).path
    try requireBootable(pristine, id)
    let merge = try MergeEtc(from: try etcSource(options)?.etc, generation: pristine, mode: options.etc)
    // A deployment that gets an initrd of its own is checked when it has it.
    if !InitrdSources.areAffected(by: merge.steps) { try requireInitrd(in: pristine, of: id, options) }
    return merge.report
  }

  /// The system that a new deployment gets the changes of /etc from.
  private struct Source {
    /// The system, as a ``RunNote`` names it.
    let name: String
    /// The root that has the changes.
    let base: FilePath
    /// The same with the root that it was made from; nil if the new deployment has these changes already.
    var etc: EtcSource?
  }

  /// The source of the changes of /etc for a new deployment: the booted system, or else the default deployment; nil if
  /// nothing is deployed.
  private func etcSource(_ options: DeployOptions) throws -> Source? {
    if let before = options.before { return Source(name: RunNote.before, base: before) }
    guard let deployment = try booted()?.deployment ?? tree.defaultDeployment.flatMap(tree.deployment) else {
      return nil
    }
    return Source(
      name: "\(deployment.id)", base: path(of: deployment), etc: try etcSource(of: deployment))
  }

  private func mergeEtc(
    of source: Source?, _ operation: OperationID, into staged: FilePath, generation: FilePath, _ mode: EtcMode
  ) throws -> MergeEtc {
    let live = source?.etc.map { EtcSource(root: Bases(in: root).staging(operation), pristine: $0.pristine) }
    let merge = try MergeEtc(from: live, generation: generation, mode: mode)
    try merge.apply(to: staged)
    return merge
  }

  /// The changes made while a node runs on trial come on top of the machine's own; the machine's identity is not taken
  /// from there. They are taken from a copy: what is changed after it comes along when the trial ends.
  private func mergeTrial(
    of running: Generation, into staged: Subvolume, _ operation: OperationID
  ) throws -> MergeEtc {
    let own = try staged.snapshot(to: etcStaging(operation), readOnly: true)
    let source = EtcSource(root: try TrialEtc.copy(for: operation), pristine: try subvolume(of: running).path)
    let merge = try MergeEtc(from: source, generation: own.path, mode: .merge, identity: .new)
    try merge.apply(to: staged.path)
    try own.delete()
    return merge
  }

  /// Warns of a root that lacks what makes a start good, or what completes the first one.
  private func warnOfMissingParts(in staged: FilePath, of id: NodeID) throws {
    if try OpenDirectory(staged).directory(at: "usr/lib/ast") == nil {
      warn(
        "node \(id) has no ast, so nothing will find its starts good: after three of them the machine falls back; `ast ast-sync \(id)` puts it in"
      )
    } else if try !FirstStart.isSupported(in: staged) {
      warn(
        "the ast in node \(id) is too old to add to /var what its packages need: `ast ast-sync \(id)`, and deploy it again"
      )
    }
  }

  private func requireBootable(_ root: FilePath, _ id: NodeID) throws {
    guard try Kernels(in: root).newest != nil else { throw unbootable(id) }
    // Without it, Debian's initrd starts a shell that waits for input (init in initramfs-tools).
    guard try RootDirectory(root).contents(of: "/sbin/init") != nil else {
      throw AstError(
        .refused, "node \(id) has no /sbin/init, and cannot boot", state: .unchanged,
        hint: "`ast install \(id) systemd-sysv` installs it")
    }
  }

  /// Refuses a root whose initrd is known to lack something that the root needs. What the disks need is known where the
  /// machine runs from them; that the store is encrypted is recorded in it.
  /// An initrd with the key of a disk is refused, too, if GRUB has to read a copy of it.
  private func requireInitrd(in root: FilePath, of id: NodeID, _ options: DeployOptions) throws {
    let isThisMachine = try options.before != nil || booted() != nil
    var needs = try isThisMachine ? machineNeeds() : []
    if try BootVolumeRecord(in: self.root)?.encryption != nil { needs.insert(.encryption) }
    if let lack = try lack(inInitrdOf: root, of: id, needs: needs) {
      throw AstError(.refused, lack.reason, state: .unchanged, hint: lack.hint)
    }
    if !options.allowsKeyInInitrd {
      try requireNoKey(inInitrdOf: root, of: id, isAdopting: options.before != nil)
    }
  }

  private func unbootable(_ id: NodeID) -> AstError {
    AstError(
      .refused, "node \(id) has no kernel with an initrd and modules, and cannot boot", state: .unchanged,
      hint: "`ast install \(id) \(DebianArchitecture.current.kernelPackage) initramfs-tools` installs them")
  }

  /// Gives the root an identity, the mounts of the layout, and places to mount them.
  private func prepare(_ staged: FilePath, on machine: Machine) throws {
    try MachineIdentity.complete(in: staged)
    let root = RootDirectory(staged)
    let fstab = Fstab(try root.contents(of: "/etc/fstab") ?? Data())
    let layout = Fstab.layout(fileSystem: machine.fileSystem.uuidString.lowercased(), efiPartition: nil)
    try root.write(Data(fstab.completing(with: layout).content), to: "/etc/fstab")
    for mount in layout where mount.mountPoint != "/" { try root.makeDirectory(mount.mountPoint) }
    try noteUpdated(staged)
    try FirstStart.request(in: staged)
    failPoint("prepared")
  }

  /// Notes that /etc is as new as /usr, which it is. Otherwise systemd would rebuild the libraries' cache and the like
  /// at the first start, which takes seconds (systemd-update-done.service(8)).
  private func noteUpdated(_ staged: FilePath) throws {
    let note = staged.appending("etc/.updated")
    try RootDirectory(staged).write(Data("# For this /usr, /etc is complete.\n".utf8), to: "/etc/.updated")
    var status = stat()
    guard stat(staged.appending("usr").string, &status) == 0,
      utimensat(AT_FDCWD, note.string, [status.st_mtim, status.st_mtim], AT_SYMLINK_NOFOLLOW) == 0
    else { throw AstError(.failed, "cannot set the time of \(note): \(Errno(rawValue: errno))") }
  }

  private func requireBootEnvironment(in staged: FilePath) throws {
    guard try bootEnvironment(in: RootDirectory(staged)) == nil else { return }
    throw AstError(
      .refused,
      "GRUB cannot record a one-time boot: /etc/fstab has no EFI system partition", state: .unchanged,
      hint: "`ast deploy --no-default` adds it to the boot menu, where you can choose it")
  }

  /// Enters a staged root as the next deployment, and chooses what boots.
  private func enter(
    _ staged: Subvolume, of generation: Generation, _ boot: BootFiles, _ merges: [MergeEtc], _ options: DeployOptions,
    from source: Source?, _ operation: OperationID
  ) throws -> DeployOutcome {
    let deployment = Deployment(
      id: try tree.allocateDeployment(), node: generation.node, generation: generation.number, created: Date(),
      subvolume: SubvolumeUUID(try staged.info().uuid), boot: boot)
    try stamp(staged, of: deployment, options, from: source, operation)
    for merge in merges { try merge.protect(in: staged.path) }
    let final = path(of: deployment)
    try Files.makeDirectory(final.removingLastComponent())
    failPoint("directory of the deployment made")
    try Files.rename(staged.path, to: final)
    failPoint("deployment renamed")
    try FileSystem.sync(root)
    try tree.insert(deployment)
    let fallback = try lastGood(before: deployment.id)
    let once = try tree.onceDeployment
    switch options.choice {
    case .always:
      try tree.setDefaultDeployment(deployment.id, token: operation)
      try tree.setPreviousDeployment(fallback)
      // The next start is what was chosen last.
      try tree.setOnceDeployment(nil, token: nil)
    case .once: try tree.setOnceDeployment(deployment.id, token: operation)
    case .never: break
    }
    return DeployOutcome(
      deployment: deployment, etc: merges.map(\.report).reduce(into: EtcReport()) { $0 += $1 }, fallback: fallback,
      supersededOnce: options.choice == .never ? nil : once, deleted: try retireDeployments(), operation: operation)
  }

  /// Notes what the /etc of a new deployment was made from, and which system ran last.
  private func stamp(
    _ staged: Subvolume, of deployment: Deployment, _ options: DeployOptions, from source: Source?,
    _ operation: OperationID
  ) throws {
    let base = try source.map {
      StartStamp.Base(snapshot: try Bases(in: root).give(operation, to: deployment.id), of: $0.name)
    }
    failPoint("base given")
    guard let generation = try tree.generation(of: deployment.node, deployment.generation),
      let etc = try OpenDirectory(staged.path).directory("etc")
    else { throw AstError(.failed, "the new deployment has no /etc", state: .unchanged) }
    let stamp = try StartStamp(
      deployment: deployment.id.rawValue, generation: generation.path.string, base: base, mode: options.etc,
      people: MergeEtc(from: nil, generation: staged.path).people)
    try stamp.write(into: etc)
    // A start of an ast that knows of no notes is noted now.
    let running = try options.before == nil ? booted()?.deployment.map { "\($0.id)" } : RunNote.before
    guard let running, try RunNote(in: root)?.ran != running else { return }
    try RunNote(ran: running).write(in: root)
    failPoint("run noted")
  }

  /// The deployment to fall back to: the running one if it is good, else the last one that was.
  private func lastGood(before deployment: DeploymentID) throws -> DeploymentID? {
    let candidates = [try booted()?.deployment?.id, try tree.defaultDeployment, try tree.previousDeployment]
    return try candidates.compactMap(\.self).first { try tree.deployment($0)?.state == .good }
  }
}
