import Glibc
import SystemPackage

/// Faults of an archive. The next publication repairs them.
extension AptRepository {
  /// Changes the signed text, so that its signature does not match.
  public func spoilSignature() throws {
    try overwrite("Origin: T", with: "Origin: t", in: dists.appending("InRelease"))
  }

  /// Changes a package's archive, but not its size or the index.
  public func spoilContent(of package: DebPackage) throws {
    try overwrite("!<arch>", with: "!<ARCH>", in: directory.appending(path(of: package)))
  }

  /// Removes a package's archive; the index still names it.
  public func remove(_ package: DebPackage) throws {
    guard unlink(directory.appending(path(of: package)).string) == 0 else { throw Errno(rawValue: errno) }
  }

  /// Overwrites the first occurrence near the beginning. The times of the file stay, because nothing was published.
  private func overwrite(_ old: String, with new: String, in path: FilePath) throws {
    let file = try FileDescriptor.open(path, .readWrite, options: .closeOnExec)
    defer { try? file.close() }
    var status = stat()
    guard fstat(file.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
    var start = [UInt8](repeating: 0, count: 4096)
    let count = try start.withUnsafeMutableBytes { try file.read(fromAbsoluteOffset: 0, into: $0) }
    guard let place = start[..<count].firstRange(of: old.utf8) else { throw Errno.noData }
    try file.writeAll(toAbsoluteOffset: Int64(place.lowerBound), new.utf8)
    var times = [status.st_atim, status.st_mtim]
    guard futimens(file.rawValue, &times) == 0 else { throw Errno(rawValue: errno) }
  }
}
