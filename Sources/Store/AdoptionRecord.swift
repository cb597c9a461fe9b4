import Btrfs
import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// What `adopt` made of a system, and how far it has come: a file in the store, replaced as a whole.
///
/// Whether the machine boots from the store is not said here but by the boot loader's file, ``BootHook``.
package struct AdoptionRecord: Codable, Equatable, Sendable {
  /// How far it has come.
  package enum State: String, Codable, Sendable {
    /// The deployment boots as soon as the boot loader leads to it. The data are still where they were.
    case made
    /// A deployment has taken over the data: what is written since then is in the store's subvolumes.
    case finished
    /// The old root went by `adopt --forget`, or is on its way: nothing leads back to it.
    case forgotten
  }

  /// How far it has come.
  package var state = State.made
  /// The subvolume of the old root, from the top level of the file system; empty for the top level itself.
  package let subvolume: String
  /// The identity of that subvolume.
  package let identity: UUID
  /// The subvolumes that were made at the top level beside the store, with their identities.
  package let made: [String: UUID]
  /// The directories of the old root whose content goes to subvolumes of their own: `var`, `home` and so on.
  package let data: [String]
  /// Why it was taken back, where nobody asked for it.
  package var reason: String?
  /// What was changed in the old system meanwhile, and the deployment does not have.
  package var leftBehind: [String]?

  private static let path: FilePath = "ast/adoption.json"

  /// The record of the store at `root`; nil where nothing was adopted.
  ///
  /// - Throws: `AstError` where there is one that cannot be read.
  package init?(in root: FilePath) throws {
    let path = root.pushing(Self.path)
    guard access(path.string, F_OK) == 0 else { return nil }
    do {
      self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: URL(filePath: path.string)))
    } catch {
      throw AstError(.damaged, "\(path) cannot be read: \(error)", state: .unchanged)
    }
  }

  package init(subvolume: FilePath, identity: UUID, made: [String: UUID], data: [String]) {
    self.subvolume = subvolume.string
    self.identity = identity
    self.made = made
    self.data = data
  }

  /// Writes it to the store at `root`: the old one or the new one is there whenever the power goes.
  package func write(in root: FilePath) throws {
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

  /// The directory of the old boot loader, from the top level.
  package var bootDirectory: FilePath { FilePath("/").pushing(FilePath(subvolume)).appending("boot/grub") }
}
