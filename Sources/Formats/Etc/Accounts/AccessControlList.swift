/// The value of the extended attributes `system.posix_acl_access` and `system.posix_acl_default`: a version, then
/// entries of a kind, permissions and an id (linux/posix_acl_xattr.h), all little-endian.
public enum AccessControlList {
  private static let headerSize = 4
  private static let entrySize = 8
  private static let version: UInt64 = 2
  /// ACL_USER and ACL_GROUP (linux/posix_acl.h): the kinds of entries that name a user or group.
  private static let user: UInt64 = 0x02
  private static let group: UInt64 = 0x08

  /// The list with other uids and gids; nil if it names no account whose number changes, or has another format.
  public static func renumbered(
    _ list: [UInt8], users: [UInt32: UInt32], groups: [UInt32: UInt32]
  ) -> [UInt8]? {
    guard list.count >= headerSize, number(in: list[..<headerSize]) == version else { return nil }
    var result = list
    for start in stride(from: headerSize, through: list.count - entrySize, by: entrySize) {
      let place = start + 4..<start + entrySize
      let old = UInt32(truncatingIfNeeded: number(in: list[place]))
      let new: UInt32? =
        switch number(in: list[start..<start + 2]) {
        case user: users[old]
        case group: groups[old]
        default: nil
        }
      guard let new else { continue }
      for (index, byte) in place.enumerated() { result[byte] = UInt8(truncatingIfNeeded: new >> (8 * UInt32(index))) }
    }
    return result == list ? nil : result
  }

  private static func number(in bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
