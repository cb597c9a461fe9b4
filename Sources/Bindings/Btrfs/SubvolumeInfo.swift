import CBtrfsUtil
import FoundationEssentials
import SystemPackage

/// The facts that btrfs records about a subvolume.
public struct SubvolumeInfo: Sendable, Equatable {
  /// The id, unique in the file system and never used again.
  public let id: UInt64
  /// The id of the subvolume that contains this one; 0 for the top level.
  public let parentID: UInt64
  /// The identity. A snapshot gets a new one.
  public let uuid: UUID
  /// The identity of the subvolume this is a snapshot of; nil if it is not a snapshot.
  public let parentUUID: UUID?
  /// The identity in the file system that sent it (btrfs-receive(8)); nil if it was made here.
  public let receivedUUID: UUID?
  /// Whether the subvolume is read-only.
  public let isReadOnly: Bool
  /// The btrfs transaction ("generation") that last changed it; known once that transaction is committed.
  public let transaction: UInt64
  /// The btrfs transaction that created it.
  public let createdIn: UInt64
  /// When it was created.
  public let created: Date
}

extension Subvolume {
  /// The facts that btrfs records about this subvolume. Needs no privileges beyond access to the path.
  ///
  /// Throws `.notASubvolume`, `.notFound`, `.notBtrfs`, `.notPermitted`.
  public func info() throws(BtrfsError) -> SubvolumeInfo {
    try requireSubvolume(for: "examine")
    var info = btrfs_util_subvolume_info()
    try BtrfsError.check("examine", path) { btrfs_util_subvolume_info($0, 0, &info) }
    return SubvolumeInfo(info)
  }
}

extension SubvolumeInfo {
  /// BTRFS_ROOT_SUBVOL_RDONLY (linux/btrfs_tree.h).
  private static let readOnlyFlag: UInt64 = 1

  init(_ info: btrfs_util_subvolume_info) {
    let seconds = TimeInterval(info.otime.tv_sec) + TimeInterval(info.otime.tv_nsec) / 1e9
    self.init(
      id: info.id, parentID: info.parent_id, uuid: UUID(uuid: info.uuid),
      parentUUID: UUID(nonZero: info.parent_uuid), receivedUUID: UUID(nonZero: info.received_uuid),
      isReadOnly: info.flags & Self.readOnlyFlag != 0, transaction: info.generation, createdIn: info.otransid,
      created: Date(timeIntervalSince1970: seconds))
  }
}

extension UUID {
  /// Nil for sixteen zero bytes, with which btrfs says "none".
  fileprivate init?(nonZero bytes: uuid_t) {
    let isZero = withUnsafeBytes(of: bytes) { bytes in bytes.allSatisfy { $0 == 0 } }
    if isZero { return nil }
    self.init(uuid: bytes)
  }
}
