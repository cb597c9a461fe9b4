import Btrfs
import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// The record of an adoption: what `adopt` made of a system, and how far it has come. A file in the store, replaced as
/// a whole.
///
/// It does not say whether the machine boots from the store: the boot loader's file does, ``BootHook``.
package struct AdoptionRecord: Codable, Equatable, Sendable {
  /// How far it has come.
  package enum State: String, Codable, Sendable {
    /// The deployment boots as soon as the boot loader leads to it. The data are still where they were.
    case made
    /// A deployment has taken over the data: what is written from then on is in the store's subvolumes.
    case finished
    /// `adopt --forget` has deleted the old root, or is deleting it: there is no way back to it.
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
  /// The UUID of the file system with the old boot loader's files, if that is a /boot of its own.
  package let bootFileSystem: String?
  /// Where the old system is, if it was copied from another disk: the old root is the copy then.
  package let original: Original?
  /// Why the adoption was taken back, if no user asked for that.
  package var reason: String?
  /// The paths that were changed in the old system after the adoption, so that the deployment does not have the
  /// changes.
  package var leftBehind: [String]?

  private static let path: FilePath = "ast/adoption.json"

  /// The record of the store at `root`; nil if nothing was adopted.
  ///
  /// - Throws: `AstError` if there is a record that cannot be read.
  package init?(in root: FilePath) throws {
    let path = root.pushing(Self.path)
    guard access(path.string, F_OK) == 0 else { return nil }
    do {
      self = try JSONDecoder().decode(Self.self, from: Files.contents(of: path))
    } catch let error as FileError {
      throw AstError(.damaged, "\(error)", state: .unchanged)
    } catch {
      throw AstError(.damaged, "\(path) cannot be read: \(error)", state: .unchanged)
    }
  }

  /// A system on another disk.
  package struct Original: Codable, Equatable, Sendable {
    /// A file system of it.
    package struct Part: Codable, Equatable, Sendable {
      /// Where it is mounted there.
      package let place: String
      /// Its name as mount(8) takes it, like `UUID=...`.
      package let source: String
      /// Its type, like `ext4`.
      package let type: String

      package init(place: String, source: String, type: String) {
        (self.place, self.source, self.type) = (place, source, type)
      }
    }

    /// Its file systems; the root is the first.
    package let parts: [Part]
    /// The time before the first copy began, in seconds since 1970.
    package let began: Int
    /// The directory of its boot loader, from the top level of ``AdoptionRecord/bootFileSystem``.
    package let bootDirectory: String

    package init(parts: [Part], began: Int, bootDirectory: String) {
      (self.parts, self.began, self.bootDirectory) = (parts, began, bootDirectory)
    }
  }

  package init(
    subvolume: FilePath, identity: UUID, made: [String: UUID], data: [String], bootFileSystem: String? = nil,
    original: Original? = nil
  ) {
    self.subvolume = subvolume.string
    self.identity = identity
    self.made = made
    self.data = data
    self.bootFileSystem = bootFileSystem
    self.original = original
  }

  /// Writes the record to the store at `root`. A power cut leaves the old record or the new one, complete.
  package func write(in root: FilePath) throws {
    try RecordFile.write(self, at: Self.path, in: root)
    failPoint("record written")
  }

  /// The old root, beside a store that is at the top level of the file system.
  package func root(besides store: FilePath) -> FilePath {
    store.removingLastComponent().pushing(FilePath(subvolume))
  }

  /// The directory of the old boot loader, from the top level of its file system.
  package var bootDirectory: FilePath {
    if let original { return FilePath(original.bootDirectory) }
    return bootFileSystem == nil ? FilePath("/").pushing(FilePath(subvolume)).appending("boot/grub") : "/grub"
  }
}
