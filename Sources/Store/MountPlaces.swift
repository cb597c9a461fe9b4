import Host
import Sandbox
import SystemPackage

/// The files the sandbox mounts something on, where a node lacks them: made before work begins and removed after it, so
/// that a run that changed nothing leaves nothing changed.
struct MountPlaces {
  private let root: RootDirectory
  private let made: [FilePath]

  init(in clone: FilePath) throws {
    let root = RootDirectory(clone)
    var made: [FilePath] = []
    for path in [Sandbox.Bind.resolverConfiguration.target, Sandbox.servicePolicy] {
      if try Self.explaining(path, { try root.makeEmptyFile(path) }) { made.append(path) }
    }
    self.root = root
    self.made = made
  }

  /// Removes those that are still empty.
  func remove() throws {
    for path in made { try Self.explaining(path) { try root.removeEmptyFile(path) } }
  }

  private static func explaining<Result>(_ path: FilePath, _ step: () throws -> Result) throws -> Result {
    do {
      return try step()
    } catch Errno.notPermitted {
      throw AstError(
        .failed, "\(path.removingLastComponent()) in the node cannot be changed", state: .unchanged,
        hint: "is it immutable? lsattr(1) tells, and chattr(1) in `ast chroot` makes it changeable")
    }
  }
}
