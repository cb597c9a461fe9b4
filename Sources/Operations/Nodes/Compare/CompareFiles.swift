import Btrfs
import SnapshotTree
import Store
import SystemPackage

/// Which files of a node are compared.
public enum FileScope: Sendable {
  /// The files in `/etc`.
  case configuration
  /// All files.
  case everything

  fileprivate var directory: FilePath {
    switch self {
    case .configuration: "etc"
    case .everything: ""
    }
  }
}

/// `diff`: how the files of two nodes or generations differ. Needs root, because the kernel says where to look.
extension Store {
  /// How the files of `second` differ from those of `first`, by path.
  public func fileChanges(
    from first: GenerationReference, to second: GenerationReference, in scope: FileScope
  ) throws -> [FileChange] {
    let older = try subvolume(of: try generation(first))
    let newer = try subvolume(of: try generation(second))
    return try newer.fileChanges(since: older, in: scope.directory)
  }
}
