import Boot
import Btrfs
import DebianFormats
import FoundationEssentials
import Glibc
import Host
import Rootfs
import SnapshotTree
import Store
import SystemPackage

/// The end of an adoption, at the first start of a deployment, when only the root is mounted: the data of the old root
/// become those of the deployments.
///
/// Until the record says that it is finished, it can be done again from the beginning: no program writes to the data
/// before that. The old root is only read.
extension Adoption {
  /// The result.
  public enum Finish: Sendable, Equatable {
    /// The deployments have the data.
    case finished
    /// It failed, and the adoption was taken back: the old system boots the next time.
    case takenBack(reason: String)
  }

  /// Finishes the adoption. If that is not possible, restarts the machine into the old system, and does not return.
  ///
  /// - Throws: `AstError`: the adoption could not be finished, and the machine is not restarted.
  public func finishOrRestart(progress: (String) -> Void, warn: (String) -> Void) throws {
    guard case .takenBack(let reason) = try finish(progress: progress) else { return }
    warn("\(reason): the adoption is taken back")
    guard root == "/" else { throw AstError(.failed, reason) }
    warn("restarting the machine into \"Debian before ast\"")
    try restartMachine()
    // The units that are ordered after this one must not start.
    while true { pause() }
  }

  /// Finishes the adoption.
  ///
  /// - Throws: `AstError` if it failed, and could not be taken back either.
  public func finish(progress: (String) -> Void) throws -> Finish {
    let lock = try lock()
    defer { withExtendedLifetime(lock) {} }
    let disk = try TemporaryMount(of: try device())
    defer { disk.end() }
    let store = disk.path.appending(Machine.store)
    guard var record = try AdoptionRecord(in: store) else { return .finished }
    if record.state == .made {
      do {
        try takeOver(record, at: disk.path, progress)
        record.leftBehind = leftBehind(record, at: disk.path, progress)
        record.state = .finished
        try record.write(in: store)
      } catch {
        let reason = AstError(error).message
        try takeBack(&record, because: reason, at: disk.path)
        return .takenBack(reason: reason)
      }
    }
    // If this fails, the next start does it.
    do {
      try removeOld(record, at: disk.path)
      try Store(opening: store, .writing, command: command, reader: reader).change {}
    } catch {
      progress(AstError(error).message)
    }
    return .finished
  }

  private func takeOver(_ record: AdoptionRecord, at top: FilePath, _ progress: (String) -> Void) throws {
    let old = try record.requireOldRoot(at: top)
    let patience = Duration.seconds(root == "/" ? 60 : 0)
    try OriginalDisk(record, copy: old.path)?.copyAll(patience: patience, progress: progress)
    let steps = record.data.compactMap { FilePath.Component($0) }.map { directory in
      TakeOver(
        old: old, directory: directory, target: top.appending("@\(directory)\(TakeOver.suffix)"))
    }
    for step in steps {
      progress("taking over /\(step.directory)")
      try step.run()
      if "@\(step.directory)" == Machine.variable { try completeVariable(step.target, at: top) }
    }
    try FileSystem.sync(top)
    for step in steps { try step.install(as: top.appending("@\(step.directory)")) }
    try FileSystem.sync(top)
  }

  /// Replaces the packages' state in the shared /var by links to that of the running root.
  private func completeVariable(_ variable: FilePath, at top: FilePath) throws {
    let open = try OpenDirectory(variable)
    let state = PackageState.directories.map(\.place) + [PackageState.aptExtendedStates.place]
    for place in state {
      let inside = FilePath(root: nil, place.components.dropFirst())
      guard let above = try open.directory(at: inside.removingLastComponent()), let name = inside.lastComponent else {
        continue
      }
      try above.removeEvenIfProtected(name)
    }
    let store = try Store(opening: top.appending(Machine.store), .reading, command: command, reader: reader)
    for deployment in try store.tree.deployments() {
      guard let generation = try store.tree.generation(of: deployment.node, deployment.generation) else { continue }
      _ = try SeedVar(from: store.path(of: generation), into: variable).run()
    }
    failPoint("var completed")
  }

  /// The changes of the old system since its adoption. They are for information only, so an error is not fatal.
  func leftBehind(_ record: AdoptionRecord, at top: FilePath, _ progress: (String) -> Void) -> [String]? {
    do {
      let store = try Store(opening: top.appending(Machine.store), .reading, command: command, reader: reader)
      guard let first = try store.tree.deployments().first,
        let generation = try store.tree.generation(of: first.node, first.generation)
      else { return nil }
      let old = try record.requireOldRoot(at: top).path
      return try LeftBehind(in: old, since: store.path(of: generation), without: store.path(of: first)).names
    } catch {
      progress(AstError(error).message)
      return nil
    }
  }

  /// Removes the subvolumes that were in the places of the data before.
  private func removeOld(_ record: AdoptionRecord, at top: FilePath) throws {
    for directory in record.data {
      let path = top.appending("@\(directory)\(TakeOver.suffix)")
      if try Subvolume.isSubvolume(at: path) { try Subvolume(at: path).delete() }
      failPoint("old data removed")
    }
  }

  /// Takes the adoption back. The reason is for information only: a full disk may not take it.
  private func takeBack(_ record: inout AdoptionRecord, because reason: String, at top: FilePath) throws {
    _ = try record.withBootHook(at: top) { try $0.remove() }
    (record.state, record.reason) = (.made, reason)
    try? record.write(in: top.appending(Machine.store))
  }
}
