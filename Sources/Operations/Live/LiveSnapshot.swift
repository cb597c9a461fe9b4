import Btrfs
import FoundationEssentials
import Glibc
import Host
import Sandbox
import Store
import SystemPackage

/// A writable snapshot of the running root, `live/<boot>.<number>` in the store, whose `/usr` and `/opt` take the place
/// of those that run until the machine restarts. Nothing boots it: the deployment that runs stays what it is.
struct LiveSnapshot {
  private let subvolume: Subvolume
  private let tops: [FilePath.Component]

  /// Makes one of what runs, which nobody sees yet.
  init(of running: RunningRoot, in store: Store) throws {
    try Store.makeDirectory("live", in: store.root, 0o700)
    let names = try Leftovers.liveSnapshots(in: store.root)
    let number = (1...).first { !names.contains("\(Store.bootID).\($0)") } ?? 0
    let path = Store.liveSnapshots(in: store.root).appending("\(Store.bootID).\(number)")
    subvolume = try Subvolume(at: running.path).snapshot(to: path, readOnly: false)
    tops = running.tops
  }

  /// Where it is.
  var path: FilePath { subvolume.path }

  /// Puts its directories over those that run, for the whole machine. Only this process and its children may write.
  ///
  /// - Throws: `AstError`; then none of them is seen.
  func show() throws {
    var shown: [FilePath] = []
    do {
      for top in tops {
        let place = FilePath("/").appending(top)
        try Files.attempt("mount", place) { try HostMounts.show(path.appending(top), at: place) }
        shown.append(place)
        failPoint("live directory shown")
        // It has come here too, as a mount of the machine.
        try Files.attempt("remount", place) { try PrivateMounts.makeWritable(place) }
      }
    } catch {
      for place in shown.reversed() { try? HostMounts.hide(place) }
      throw AstError(.failed, "cannot mount \(path) over what runs: \(error)")
    }
  }

  /// Takes its directories away again, and deletes it. Programs that were started from it go on.
  func discard() throws {
    for place in tops.reversed().map({ FilePath("/").appending($0) }) {
      try Files.attempt("unmount", place) { try HostMounts.hide(place) }
    }
    try subvolume.delete()
  }

  /// Deletes it, as long as nobody has seen it.
  func delete() throws { try subvolume.delete() }

  /// Those of this boot: the ones that may be in use.
  static func ofThisBoot(in root: FilePath) throws -> [FilePath] {
    try Leftovers.liveSnapshots(in: root).filter { $0.hasPrefix("\(Store.bootID).") }.map(
      Store.liveSnapshots(in: root).appending)
  }

}
