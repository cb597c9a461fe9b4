import Host
import Sandbox
import SystemPackage

/// The files that the sandbox mounts something on. If a node lacks them, they are made before the work and removed
/// after it, so that a run without changes leaves the node unchanged.
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

  /// Removes the files that are still empty.
  func remove() throws {
    for path in made { try Self.explaining(path) { try root.removeEmptyFile(path) } }
  }

  private static func explaining<Result>(_ path: FilePath, _ step: () throws -> Result) throws -> Result {
    do {
      return try step()
    } catch let error as FileError where error.errno == .notPermitted {
      throw AstError(
        .failed, "\(path.removingLastComponent()) in the node cannot be changed", state: .unchanged,
        hint: "if lsattr(1) shows that it is immutable, run chattr(1) in `ast chroot`")
    }
  }
}
