public import SystemPackage

extension FileDescriptor.OpenOptions {
  /// Reading does not change the access time: writing one would unshare metadata of a subvolume from its origin and
  /// change the subvolume. Only root and the owner may use it. <fcntl.h> has O_NOATIME for _GNU_SOURCE only, which
  /// Swift's Glibc module does not define.
  public static let noAccessTime = Self(rawValue: 0o1000000)
}
