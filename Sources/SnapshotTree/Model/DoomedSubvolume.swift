public import SystemPackage

/// A subvolume that nothing refers to any more and that is still to be deleted.
public struct DoomedSubvolume: Hashable, Sendable {
  /// Where it is, relative to the store.
  public var path: FilePath
  /// Which one it was: another one at the same place is not doomed. Nil if that was never known.
  public var subvolume: SubvolumeUUID?

  /// A doomed subvolume with these facts.
  public init(path: FilePath, subvolume: SubvolumeUUID?) {
    self.path = path
    self.subvolume = subvolume
  }
}
