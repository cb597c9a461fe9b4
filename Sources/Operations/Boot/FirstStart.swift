import Glibc
import Host
import Rootfs
import SystemPackage

/// `boot-var`: at its first start, a deployment gives the shared /var what its packages need and it lacks.
///
/// A note in the deployment's /etc asks for it. The note goes when everything is durable, so a start that was cut short
/// is repeated by the next one; and while it is there, the boot is not good.
public struct FirstStart {
  private typealias Name = OpenDirectory.Name

  private static let notes: Name = ".ast"
  private static let note: Name = "seed"

  /// The mounted root of the deployment.
  private let system: FilePath

  /// The deployment whose root is mounted at `system`.
  public init(of system: FilePath = "/") {
    self.system = system
  }

  /// Asks for it in a root that becomes a deployment. What the node's programs left in place of the notes is removed.
  static func request(in staged: FilePath) throws {
    guard let etc = try OpenDirectory(staged).directory("etc") else {
      throw AstError(.refused, "\(staged.appending("etc")) is not a directory")
    }
    try etc.remove(notes)
    try etc.makeDirectory(notes)
    guard let directory = try etc.directory(notes) else { throw OpenDirectory.failure("find", etc.path, ENOENT) }
    try directory.makeFile(note, with: [])
  }

  /// Whether a root has the unit that does it, and an ast that knows how. The `ast ast-sync` of an older ast leaves the
  /// unit in a node that has it, and puts in its own ast with a script that does not start the first program.
  static func isSupported(in root: FilePath) throws -> Bool {
    let directory = RootDirectory(root)
    guard try directory.contents(of: "/usr/lib/systemd/system/ast-var.service") != nil else { return false }
    guard let script = try directory.contents(of: "/usr/lib/ast/mount-etc") else { return true }
    return String(decoding: script, as: UTF8.self).contains(OwnPrograms.startPlace.string)
  }

  /// Whether the first start was not completed yet.
  public var isPending: Bool {
    get throws { try openNotes()?.status(of: Self.note) != nil }
  }

  private func openNotes() throws -> OpenDirectory? {
    try OpenDirectory(system).directory("etc")?.directory(Self.notes)
  }

  /// Completes the first start, if there is a note.
  ///
  /// The files come from the deployment's own /var, which is below the mount of the shared one.
  ///
  /// - Parameter progress: gets a sentence if there is something to do.
  /// - Returns: the result; nil without a note. If directories are missing, the note stays.
  public func run(progress: (String) -> Void) throws -> SeededVar? {
    guard let notes = try openNotes(), try notes.status(of: Self.note) != nil else { return nil }
    let top = try OpenDirectory(system)
    guard let own = try top.directoryWithoutMounts(OpenDirectory.itself),
      let shared = try top.directory("var")
    else { throw OpenDirectory.failure("find", system.appending("var"), ENOENT) }
    let packages = try PackageFiles(ofVarIn: system)
    let seeded = try SeedVar(from: own, into: shared, packages: packages).run {
      progress("adding to /var what the packages of this deployment need")
    }
    guard seeded.missing.isEmpty else { return seeded }
    try notes.remove(Self.note)
    try notes.synchronize()
    failPoint("first start over")
    return seeded
  }
}
