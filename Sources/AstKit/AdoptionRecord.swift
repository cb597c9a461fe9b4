import Btrfs
import FoundationEssentials
import Glibc
import SystemPackage

/// What `adopt` made of a system, and how far it has come: a file in the store, replaced as a whole.
///
/// Whether the machine boots from the store is not said here but by the boot loader's file, ``BootHook``.
struct AdoptionRecord: Codable, Equatable, Sendable {
  /// How far it has come.
  enum State: String, Codable, Sendable {
    /// The deployment boots as soon as the boot loader leads to it. The data are still where they were.
    case made
    /// A deployment has taken over the data: what is written since then is in the store's subvolumes.
    case finished
    /// The old root went by `adopt --forget`, or is on its way: nothing leads back to it.
    case forgotten
  }

  /// How far it has come.
  var state = State.made
  /// The subvolume of the old root, from the top level of the file system; empty for the top level itself.
  let subvolume: String
  /// The identity of that subvolume.
  let identity: UUID
  /// The subvolumes that were made at the top level beside the store, with their identities.
  let made: [String: UUID]
  /// The directories of the old root whose content goes to subvolumes of their own: `var`, `home` and so on.
  let data: [String]
  /// Why it was taken back, where nobody asked for it.
  var reason: String?
  /// What was changed in the old system meanwhile, and the deployment does not have.
  var leftBehind: [String]?

  private static let path: FilePath = "ast/adoption.json"

  /// The record of the store at `root`; nil where nothing was adopted.
  ///
  /// - Throws: `AstError` where there is one that cannot be read.
  init?(in root: FilePath) throws {
    let path = root.pushing(Self.path)
    guard access(path.string, F_OK) == 0 else { return nil }
    do {
      self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: URL(filePath: path.string)))
    } catch {
      throw AstError(.damaged, "\(path) cannot be read: \(error); nothing was changed")
    }
  }

  init(subvolume: FilePath, identity: UUID, made: [String: UUID], data: [String]) {
    self.subvolume = subvolume.string
    self.identity = identity
    self.made = made
    self.data = data
  }

  /// Writes it to the store at `root`: the old one or the new one is there whenever the power goes.
  func write(in root: FilePath) throws {
    let (path, new) = (root.pushing(Self.path), root.pushing(FilePath("\(Self.path).new")))
    let directory = path.removingLastComponent()
    guard mkdir(directory.string, 0o755) == 0 || errno == EEXIST else { throw Errno(rawValue: errno) }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try encoder.encode(self).write(to: URL(filePath: new.string))
    try FileSystem.sync(root)
    guard rename(new.string, path.string) == 0 else { throw Errno(rawValue: errno) }
    try FileSystem.sync(root)
    failPoint("record written")
  }
}

extension AdoptionRecord {
  /// The old root, where the top level of the file system is at `top`; nil where something else is there.
  func oldRoot(at top: FilePath) throws -> Subvolume? {
    let old = Subvolume(at: top.pushing(FilePath(subvolume)))
    return try Subvolume.isSubvolume(at: old.path) && old.info().uuid == identity ? old : nil
  }

  /// The old root, which has to be there.
  func requireOldRoot(at top: FilePath) throws -> Subvolume {
    guard let old = try oldRoot(at: top) else {
      throw AstError(
        .refused, "the system that was adopted is not at /\(subvolume) of the file system any more; nothing was changed"
      )
    }
    return old
  }

  /// The directory of the old boot loader, from the top level.
  var bootDirectory: FilePath { FilePath("/").pushing(FilePath(subvolume)).appending("boot/grub") }

  /// The file that leads from there to the store; nil where the old root is gone.
  func bootHook(at top: FilePath) throws -> BootHook? {
    try oldRoot(at: top).map { BootHook(in: $0.path.appending("boot/grub")) }
  }

  /// Those of the subvolumes that were made which are still at the top level: they, and nothing that has their name.
  func present(at top: FilePath) throws -> [FilePath] {
    try made.sorted { $0.key < $1.key }.compactMap { name, identity in
      let path = top.appending(name)
      guard try Subvolume.isSubvolume(at: path), try Subvolume(at: path).info().uuid == identity else { return nil }
      return path
    }
  }
}
