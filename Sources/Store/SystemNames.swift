import Etc
import FoundationEssentials
import Host
import SnapshotTree
import SystemPackage

/// The names of the systems in generations, which are read-only: a process reads each of them once.
struct SystemNames {
  private var names: [SubvolumeUUID: String] = [:]

  /// The name of a system (os-release(5)); empty if it has none.
  ///
  /// - Parameters:
  ///   - generation: the subvolume of the generation that it is in; nil if that is not known.
  ///   - root: the root of the generation, or of a deployment of it.
  mutating func name(in generation: SubvolumeUUID?, at root: FilePath) throws -> String {
    if let name = generation.flatMap({ names[$0] }) { return name }
    let name = OSRelease(try RootDirectory(root).beginning(of: "/usr/lib/os-release", count: 1 << 14) ?? Data())
      .prettyName
    if let generation { names[generation] = name }
    return name
  }
}
