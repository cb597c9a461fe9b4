public import SystemPackage

extension FileDescriptor.OpenOptions {
  /// Reading leaves no trace: an access time that is written unshares a piece of a subvolume from its origin, and makes it
  /// another one than before. Refused to who is neither root nor the owner. <fcntl.h> has O_NOATIME for _GNU_SOURCE only,
  /// which Swift's Glibc module does not define.
  public static let noAccessTime = Self(rawValue: 0o1000000)
}
