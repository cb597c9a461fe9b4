import Btrfs
import FoundationEssentials
import Glibc
import Host
import Store
import SystemPackage

/// `adopt --undo`: the machine boots the system that was there before ast.
extension Adoption {
  /// What became of it.
  public enum Undo: Sendable, Equatable {
    /// Nothing of it is left.
    case removed
    /// The machine boots the old system; the subvolumes with these names are still there.
    case kept([String])
  }

  /// Does it, from the old system or from a deployment. What was made goes if no data were taken over yet, and nothing
  /// of it runs.
  ///
  /// - Throws: `AstError`; not found where nothing was adopted.
  public func undo(progress: (String) -> Void) throws -> Undo {
    let lock = try lock()
    defer { withExtendedLifetime(lock) {} }
    Interruption.holdBack()
    let disk = try TemporaryMount(of: try device())
    defer { disk.end() }
    let store = disk.path.appending(Machine.store)
    guard let leftover = try Leftover(at: disk.path) else {
      throw AstError(.notFound, "nothing was adopted here", state: .unchanged)
    }
    if let record = try AdoptionRecord(in: store) {
      guard record.state != .forgotten else {
        throw AdoptableSystem.refusal("the system that was there before ast is gone: `ast adopt --forget` removed it")
      }
      let old = try record.requireOldRoot(at: disk.path)
      try BootHook(in: old.path.appending("boot/grub")).remove()
      let isOld = try Subvolume.isSubvolume(at: root) && Subvolume(at: root).info().uuid == record.identity
      guard record.state == .made, isOld else { return .kept([Machine.store] + record.made.keys.sorted()) }
    }
    progress("removing what was made")
    try leftover.remove()
    return .removed
  }
}
