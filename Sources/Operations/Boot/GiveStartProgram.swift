import Glibc
import Host
import Rootfs
import SnapshotTree
import Store
import SystemPackage

/// Deployments of an older ast do not have the first program of a start, with which they note that they run and get the
/// accounts of people. They get it, and the ast that it runs, before the menu names it. Nothing else in them changes.
extension Store {
  /// Gives both programs to a root that is being deployed, and to the deployments in the menu.
  func giveStartProgram(to staged: FilePath) throws {
    let programs = try OwnPrograms()
    if try !Self.hasStartProgram(staged) {
      for (program, place) in [(programs.ast, OwnPrograms.mergePlace), (programs.start, OwnPrograms.startPlace)] {
        _ = try RootDirectory(staged).install(Files.contents(of: program), mode: 0o755, at: place)
      }
    }
    for deployment in try tree.deployments() where deployment.boot != nil {
      let root = path(of: deployment)
      do {
        if try !Self.hasStartProgram(root) { try Self.copyStartProgram(from: staged, to: root) }
      } catch {
        warn("deployment \(deployment.id) does not get what is changed on the machine: \(AstError(error).reason)")
      }
    }
    failPoint("start programs given")
  }

  /// Whether a root has both: the `ast ast-sync` of an older ast leaves the first program in a node that has it, and a
  /// link to its own ast.
  private static func hasStartProgram(_ root: FilePath) throws -> Bool {
    guard try RootDirectory(root).hasFile(OwnPrograms.startPlace) else { return false }
    let (directory, name) = try OpenDirectory(root).parent(of: FilePath(root: nil, OwnPrograms.mergePlace.components))
    let isLink = try directory.status(of: name).map { $0.st_mode & S_IFMT == S_IFLNK } ?? false
    return try !isLink || FirstStart.isSupported(in: root)
  }

  /// The copies share their space with the originals.
  private static func copyStartProgram(from staged: FilePath, to root: FilePath) throws {
    let directory = OwnPrograms.startPlace.removingLastComponent()
    try RootDirectory(root).makeDirectory(directory)
    guard let target = try OpenDirectory(root).directory(at: FilePath(root: nil, directory.components)) else {
      throw OpenDirectory.failure("open", root.pushing(FilePath(root: nil, directory.components)), ENOENT)
    }
    // In a node with this ast, the second name is a link.
    let top = try OpenDirectory(staged)
    let hasMerge = try RootDirectory(staged).hasFile(OwnPrograms.mergePlace)
    let merge = hasMerge ? OwnPrograms.mergePlace : OwnPrograms.astPlace
    // The first program comes last: the menu looks for it.
    for (source, place) in [(merge, OwnPrograms.mergePlace), (OwnPrograms.startPlace, OwnPrograms.startPlace)] {
      let (above, name) = try top.parent(of: FilePath(root: nil, source.components))
      guard let product = place.lastComponent else { continue }
      try target.replace(product, .init(mode: 0o755)) { try target.copy(name, from: above, to: $0) }
    }
  }
}
