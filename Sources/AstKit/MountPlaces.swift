import Sandbox
import SystemPackage

/// The files the sandbox mounts something on, where a node lacks them: made before work begins and removed after it, so
/// that a run that changed nothing leaves nothing changed.
struct MountPlaces {
  private let root: RootDirectory
  private let made: [FilePath]

  init(in clone: FilePath) throws {
    root = RootDirectory(clone)
    var made: [FilePath] = []
    for path in [Sandbox.Bind.resolverConfiguration.target, Sandbox.servicePolicy] where try root.makeEmptyFile(path) {
      made.append(path)
    }
    self.made = made
  }

  /// Removes those that are still empty.
  func remove() throws {
    for path in made { try root.removeEmptyFile(path) }
  }
}
