import Btrfs
import FoundationEssentials
import Glibc
import Host
import Store
import SystemPackage

/// `adopt --undo`: makes the machine boot the system from before ast.
extension Adoption {
  /// What is left of the adoption.
  public enum Undo: Sendable, Equatable {
    /// Nothing.
    case removed
    /// The subvolumes with these names, and, with `copies`, the directory `ast` of /boot; the machine boots the old system.
    case kept([String], copies: Bool)
  }

  /// Takes the adoption back, from the old system or from a deployment. What it has made is removed if it has no data yet
  /// and the old system is running.
  ///
  /// - Throws: `AstError`; not found if nothing was adopted.
  public func undo(progress: (String) -> Void, warn: (String) -> Void) throws -> Undo {
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
      _ = try record.requireOldRoot(at: disk.path)
      _ = try record.withBootHook(at: disk.path) { try $0.remove() }
      let isOld = try Subvolume.isSubvolume(at: root) && Subvolume(at: root).info().uuid == record.identity
      guard record.state == .made, isOld else {
        return .kept([Machine.store] + record.made.keys.sorted(), copies: try record.hasBootFiles(at: disk.path))
      }
    }
    progress("removing the subvolumes of the adoption")
    try leftover.remove()
    setNotice(nil, warn: warn)
    return .removed
  }
}
