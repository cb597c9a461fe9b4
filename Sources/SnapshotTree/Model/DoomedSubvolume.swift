public import SystemPackage

/// A subvolume that is no longer referred to and must still be deleted.
public struct DoomedSubvolume: Hashable, Sendable {
  /// Its path, relative to the store.
  public var path: FilePath
  /// Its identity: another subvolume at the same path is not doomed. Nil if unknown.
  public var subvolume: SubvolumeUUID?

  /// A doomed subvolume with these facts.
  public init(path: FilePath, subvolume: SubvolumeUUID?) {
    self.path = path
    self.subvolume = subvolume
  }
}
