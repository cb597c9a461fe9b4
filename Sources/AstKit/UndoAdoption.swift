import Btrfs
import FoundationEssentials
import Glibc
import SystemPackage

/// `adopt --undo`: the machine boots the system that was there before ast.
public struct UndoAdoption {
  private let root: FilePath
  private let command: String

  /// From the system whose root is mounted at `root`: the old one, or a deployment.
  public init(_ root: FilePath = "/", command: String) {
    self.root = root
    self.command = command
  }

  /// What became of an adoption.
  public enum Outcome: Sendable, Equatable {
    /// Nothing of it is left.
    case removed
    /// The machine boots the old system; the subvolumes with these names are still there.
    case kept([String])
  }

  /// Does it. What was made goes if no data were taken over yet, and nothing of it runs.
  ///
  /// - Throws: `AstError`; not found where nothing was adopted.
  public func run(progress: (String) -> Void) throws -> Outcome {
    let lock = try Adoption.lock(command)
    defer { withExtendedLifetime(lock) {} }
    Interruption.holdBack()
    let disk = try TemporaryMount(of: try Adoption.device(of: root))
    defer { disk.end() }
    let store = disk.path.appending(Machine.store)
    guard let leftover = try Leftover(at: disk.path) else {
      throw AstError(.notFound, "nothing was adopted here; nothing was changed")
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
