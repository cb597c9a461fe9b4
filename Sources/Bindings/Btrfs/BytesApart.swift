import Glibc
import SystemPackage

/// The number of bytes of `copy` that are stored at another place of the disk than the bytes of `original` at the same
/// place in the file: what ``shareExtents(of:with:at:)`` could save if they are equal. Both are open for reading; an
/// error names `path`.
///
/// Throws `.other` on a file system that cannot tell.
public func bytesApart(
  _ copy: FileDescriptor, from original: FileDescriptor, at path: FilePath
) throws(BtrfsError) -> Int64 {
  do throws(Errno) {
    let others = try FileRange.all(of: original.rawValue)
    var status = stat()
    guard fstat(copy.rawValue, &status) == 0 else { throw Errno(rawValue: Glibc.errno) }
    return Int64(bytes(of: try FileRange.all(of: copy.rawValue), before: UInt64(status.st_size), apartFrom: others))
  } catch {
    throw BtrfsError("find the place of", path, error)
  }
}

/// Bytes behind the end of a file, up to the end of its last block, do not count.
private func bytes(of ranges: [FileRange], before end: UInt64, apartFrom others: [FileRange]) -> UInt64 {
  var apart: UInt64 = 0
  var first = 0
  for range in ranges where range.hasPlace && range.offset < end {
    while first < others.count, others[first].end <= range.offset { first += 1 }
    apart += min(range.end, end) - range.offset
    for other in others[first...].prefix(while: { $0.offset < range.end }) where range.hasPlace(of: other) {
      let (start, stop) = (max(range.offset, other.offset), min(range.end, other.end, end))
      apart -= stop > start ? stop - start : 0
    }
  }
  return apart
}
