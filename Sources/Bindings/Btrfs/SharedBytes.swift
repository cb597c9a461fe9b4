extension Subvolume {
  /// The bytes of the extents that both subvolumes refer to, each counted once and whole. As cheap as
  /// ``referencedBytes()`` of both, and throws as that does.
  public func bytes(sharedWith other: Subvolume) throws(BtrfsError) -> Int64 {
    let others = Set(try other.readExtents().extents.map(\.address))
    let shared = try readExtents().extents.filter { others.contains($0.address) }
    return Int64(shared.reduce(0) { $0 + $1.length })
  }
}
