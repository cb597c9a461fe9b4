import Btrfs
import FoundationEssentials
import Glibc
import Host
import Sandbox
import Store
import SystemPackage

/// A writable snapshot of the running root, `live/<boot>.<number>` in the store. Its `/usr` and `/opt` replace those of
/// the running system until the machine restarts. It is never booted, and the running deployment stays unchanged.
struct LiveSnapshot {
  private let subvolume: Subvolume
  private let tops: [FilePath.Component]

  /// Makes a snapshot of the running root that no other process sees yet.
  init(of running: RunningRoot, in store: Store) throws {
    try Store.makeDirectory("live", in: store.root, 0o700)
    let names = try Leftovers.liveSnapshots(in: store.root)
    let number = (1...).first { !names.contains("\(Store.bootID).\($0)") } ?? 0
    let path = Store.liveSnapshots(in: store.root).appending("\(Store.bootID).\(number)")
    subvolume = try Subvolume(at: running.path).snapshot(to: path, readOnly: false)
    tops = running.tops
  }

  /// Its path.
  var path: FilePath { subvolume.path }

  /// Mounts its directories over the running ones, for the whole machine. Only this process and its children may write.
  ///
  /// - Throws: `AstError`; no directory is mounted then.
  func show() throws {
    var shown: [FilePath] = []
    do {
      for top in tops {
        let place = FilePath("/").appending(top)
        try Files.attempt("mount", place) { try HostMounts.show(path.appending(top), at: place) }
        shown.append(place)
        failPoint("live directory shown")
        // The machine's mount appears in this process too.
        try Files.attempt("remount", place) { try PrivateMounts.makeWritable(place) }
      }
    } catch {
      for place in shown.reversed() { try? HostMounts.hide(place) }
      throw AstError(.failed, "cannot mount \(path) over the running system: \(error)")
    }
  }

  /// Unmounts its directories, and deletes it. Programs that were started from it keep running.
  func discard() throws {
    for place in tops.reversed().map({ FilePath("/").appending($0) }) {
      try Files.attempt("unmount", place) { try HostMounts.hide(place) }
    }
    try subvolume.delete()
  }

  /// Deletes it before it is shown.
  func delete() throws { try subvolume.delete() }

  /// The live snapshots of this boot, which may be in use.
  static func ofThisBoot(in root: FilePath) throws -> [FilePath] {
    try Leftovers.liveSnapshots(in: root).filter { $0.hasPrefix("\(Store.bootID).") }.map(
      Store.liveSnapshots(in: root).appending)
  }
}
