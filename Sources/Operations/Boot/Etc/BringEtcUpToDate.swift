import Btrfs
import Etc
import FoundationEssentials
import Glibc
import Host
import Rootfs
import SnapshotTree
import Store
import SystemPackage

/// `boot-etc`: brings the /etc of the deployment that is starting up to date, before systemd reads it.
///
/// A deployment that was never good gets what was changed on the machine since its /etc was made: base is the /etc that
/// it was merged from last, a snapshot of which is kept until it is good; then the /etc that ran last; then its own. A
/// deployment that was good once starts with its own /etc. In both, the accounts of people follow the machine.
///
/// The merged directory is made beside /etc, in the deployment's own subvolume. The exchange of the two is the commit:
///
///     copy and merge, sync, exchange, sync, note, clean up
///
/// Whatever is found at the name of the copy is garbage: before the exchange it is unfinished, after it the old /etc.
/// The database is not used: at this time there may be no space for its log, and it may belong to a newer ast.
package struct BringEtcUpToDate {
  private typealias Name = OpenDirectory.Name

  /// The name of the copy, beside /etc.
  package static let staged: OpenDirectory.Name = "etc.new"
  private static let etc: OpenDirectory.Name = "etc"

  private let store: FilePath
  private let deployment: DeploymentID
  private var root: FilePath { store.pushing(Deployment.path(of: deployment)) }

  /// Prepares for a deployment of the store at `store`, which need not be open.
  package init(_ deployment: DeploymentID, in store: FilePath) {
    self.deployment = deployment
    self.store = store
  }

  /// Does it at the start of the deployment; if there is nothing to do, nothing is written.
  ///
  /// - Throws: `AstError`; /etc is then as it was.
  package func run() throws -> StartReport { try givingUpReserve(start) }

  /// Does it before the deployment starts, while another system still runs and stops. Its start notes what runs, and
  /// brings along what is missing then.
  package func run(whileRunning system: String) throws -> StartReport {
    try givingUpReserve {
      let top = try cleanRoot()
      let report = try bringAlong(from: system, into: top)
      try top.removeWhole(Self.staged)
      return report
    }
  }

  /// Brings along what was changed in the /etc of a trial since the deployment was made in it.
  ///
  /// - Parameters:
  ///   - trial: the root of the trial.
  ///   - copy: a directory with its /etc as it was then.
  package func run(fromTrial trial: FilePath, since copy: FilePath) throws -> StartReport {
    try givingUpReserve {
      let top = try cleanRoot()
      let merge = try MergeEtc(
        from: EtcSource(root: trial, pristine: copy), generation: root, mode: .merge, identity: .new)
      guard !merge.isEmpty else { return StartReport(deployment: deployment) }
      try replaceEtc(in: top, by: merge, stamp(in: top) ?? emptyStamp)
      try top.removeWhole(Self.staged)
      return StartReport(deployment: deployment, etc: merge.report)
    }
  }

  private func givingUpReserve(_ work: () throws -> StartReport) throws -> StartReport {
    do {
      return try work()
    } catch let error where AstError(error).code == .noSpace && SpaceReserve.giveUp(in: store) {
      return try work()
    }
  }

  /// The open root, without what an earlier try has left.
  private func cleanRoot() throws -> OpenDirectory {
    let top = try OpenDirectory(root)
    try top.removeWhole(Self.staged)
    failPoint("leftover removed")
    return top
  }

  private func start() throws -> StartReport {
    let top = try cleanRoot()
    guard var note = try RunNote(in: store) else {
      try RunNote(ran: deployment).write(in: store)
      return StartReport(deployment: deployment)
    }
    // On a full disk, the program that started this one could not write it.
    if note.ran != "\(deployment)" { note = note.starting(deployment) }
    guard let from = note.from else { return StartReport(deployment: deployment) }
    let report = try bringAlong(from: from, into: top)
    // What the machine's newest /etc is, is known only now that this one has it all.
    try RunNote(ran: deployment).write(in: store)
    failPoint("start noted")
    try top.removeWhole(Self.staged)
    failPoint("old etc removed")
    return report
  }

  private func bringAlong(from system: String, into top: OpenDirectory) throws -> StartReport {
    let (report, base) = try merge(system, into: top)
    if let base { try Bases(in: store).removeAll(of: deployment, except: base) }
    failPoint("old bases removed")
    return report
  }

  private func stamp(in top: OpenDirectory) throws -> StartStamp? {
    guard let own = try top.directory(Self.etc) else {
      throw AstError(.refused, "\(root.appending(Self.etc)) is not a directory", state: .unchanged)
    }
    return try StartStamp(of: deployment.rawValue, in: own)
  }

  /// The stamp of a deployment of an ast that wrote none.
  private var emptyStamp: StartStamp {
    StartStamp(deployment: deployment.rawValue, generation: nil, base: nil, mode: .merge, people: [])
  }

  /// Merges what the system that ran last has into /etc.
  ///
  /// - Returns: the report, and the name of the snapshot that is the base of the next merge; nil if there is none.
  private func merge(_ from: String, into top: OpenDirectory) throws -> (StartReport, base: String?) {
    let stamp = try stamp(in: top)
    let base = try stamp?.base.flatMap { base in try Bases(in: store).path(of: base.snapshot).map { (base, $0) } }
    // An older ast does not read the note, and deletes this deployment like any other.
    guard let other = try RanRoot(named: from, in: store) else {
      return (StartReport(deployment: deployment, gone: from), base?.0.snapshot)
    }
    guard try OpenDirectory(other.path).directory(Self.etc)?.status(of: "passwd") != nil else {
      throw AstError(.damaged, "\(StartReport.words(for: from)) has no /etc/passwd", state: .unchanged)
    }
    let merge: MergeEtc
    if let (base, path) = base, let stamp {
      merge = try MergeEtc(
        from: EtcSource(root: other.path, pristine: path), generation: root, mode: stamp.mode, identity: .live,
        ofGeneration: base.of == from ? nil : other.generation,
        // It has other mounts: those of the layout are in the deployment's own.
        ignoring: from == RunNote.before ? ["fstab"] : [])
    } else {
      merge = try MergeEtc(accountsOf: other.path, into: root, known: other.people)
    }
    let isBaseNew = base != nil && merge.hasChanges
    guard !merge.isEmpty || isBaseNew else {
      return (StartReport(deployment: deployment, from: from, isWhole: base != nil), base?.0.snapshot)
    }

    var next = stamp ?? emptyStamp
    // The snapshot of what this /etc comes from is there before the stamp that names it.
    if isBaseNew {
      let snapshot = try Bases(in: store).add(other.path, of: deployment)
      next.base = StartStamp.Base(snapshot: snapshot, of: from)
      failPoint("base made")
    }
    let notes = try replaceEtc(in: top, by: merge, next)
    var report = StartReport(deployment: deployment, from: from, etc: merge.report, isWhole: base != nil)
    report.sentences += notes
    return (report, base == nil ? nil : next.base?.snapshot)
  }

  /// Makes the merged directory beside /etc, and exchanges the two.
  ///
  /// - Returns: remarks for the administrator.
  @discardableResult
  private func replaceEtc(in top: OpenDirectory, by merge: MergeEtc, _ stamp: StartStamp) throws -> [String] {
    var stamp = stamp
    stamp.people = merge.people
    let copy = try CopyTree(of: Self.etc, from: top, to: Self.staged, in: top)
    failPoint("etc copied")
    try merge.apply(to: root, as: Self.staged)
    guard let made = try top.directory(Self.staged) else {
      throw OpenDirectory.failure("open", root.appending(Self.staged), ENOENT)
    }
    try complete()
    try stamp.write(into: made)
    let remarks = try ProductsAtStart(of: root).prepare(after: merge.steps, in: made)
    try copy.protect()
    try merge.protect(in: root, as: Self.staged)
    failPoint("etc made")
    // A commit of the file system does not write the contents of new files by itself.
    try FileSystem.sync(root)
    failPoint("etc durable")
    try top.exchange(Self.staged, with: Self.etc)
    failPoint("etc exchanged")
    try FileSystem.sync(root)
    return remarks
  }
}

extension BringEtcUpToDate {
  /// Makes sure that the new /etc has what no start can do without: a machine id, and the mounts of the layout.
  private func complete() throws {
    try MachineIdentity.complete(in: root, as: Self.staged)
    let path = FilePath("/\(Self.staged)/fstab")
    let directory = RootDirectory(root)
    let present = Fstab(try directory.contents(of: path) ?? Data())
    let layout = Fstab.layout(
      fileSystem: try FileSystem.uuid(of: store).uuidString.lowercased(), efiPartition: nil)
    let completed = present.completing(with: layout).content
    if completed != present.content { try directory.write(Data(completed), to: path) }
  }
}

/// The root of a system that ran last.
private struct RanRoot {
  /// Its path.
  let path: FilePath
  /// The root of the generation that it is an instance of; nil if that is not known.
  let generation: FilePath?
  /// The people that it has had.
  let people: [String]

  /// Finds the system that a ``RunNote`` names; nil if it is gone.
  init?(named name: String, in store: FilePath) throws {
    if name == RunNote.before {
      // A system that is forgotten is empty.
      guard let record = try AdoptionRecord(in: store), record.state != .forgotten else { return nil }
      (path, generation, people) = (record.root(besides: store), nil, [])
      if record.state == .made { try OriginalDisk(record, copy: path)?.copyEtc() }
      return
    }
    guard let number = DeploymentID(name), case let path = store.pushing(Deployment.path(of: number)),
      try Subvolume.isSubvolume(at: path)
    else { return nil }
    self.path = path
    let stamp = try OpenDirectory(path).directory("etc").flatMap { etc in
      try StartStamp(of: number.rawValue, in: etc)
    }
    people = stamp?.people ?? []
    let generation = stamp?.generation.map { store.pushing(FilePath($0)) }
    self.generation = try generation.flatMap { try Subvolume.isSubvolume(at: $0) ? $0 : nil }
  }
}
