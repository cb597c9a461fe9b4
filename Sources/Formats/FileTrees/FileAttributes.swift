/// Owner, permissions, extended attributes and protection of a file.
public struct FileAttributes: Hashable, Sendable {
  /// The permission bits of `st_mode` (07777).
  public var mode: UInt32
  /// The uid.
  public var owner: UInt32
  /// The gid.
  public var group: UInt32
  /// The extended attributes, access control lists among them.
  public var xattrs: [String: [UInt8]]
  /// Those attributes of chattr(1) that protect a file from changes: `FS_IMMUTABLE_FL`, `FS_APPEND_FL` (linux/fs.h).
  public var protection: UInt32

  /// Attributes.
  public init(
    mode: UInt32, owner: UInt32 = 0, group: UInt32 = 0, xattrs: [String: [UInt8]] = [:], protection: UInt32 = 0
  ) {
    self.mode = mode
    self.owner = owner
    self.group = group
    self.xattrs = xattrs
    self.protection = protection
  }
}
