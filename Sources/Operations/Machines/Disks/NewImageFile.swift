import Glibc
import Host
import SystemPackage

/// A sparse file for a file system or a disk, under a temporary name beside its place while it is made.
struct NewImageFile {
  /// The temporary name.
  let temporary: FilePath
  private let path: FilePath

  /// Makes an empty file of `size` bytes.
  init(for path: FilePath, size: Int64) throws {
    self.path = path
    temporary = FilePath("\(path).\(getpid()).new")
    let file: FileDescriptor
    do {
      file = try FileDescriptor.open(
        temporary, .readWrite, options: [.create, .exclusiveCreate, .closeOnExec], permissions: [.ownerReadWrite])
    } catch {
      throw AstError(.failed, "cannot make \(temporary): \(error)", state: .unchanged)
    }
    do {
      try Files.attempt("resize", temporary) { try file.closeAfter { try file.resize(to: size) } }
    } catch {
      discard()
      throw error
    }
  }

  /// Gives the complete file its own name. It is on the disk before: after a power cut it is complete or not there.
  func finish() throws {
    try Files.sync(temporary)
    try Files.rename(temporary, to: path)
  }

  /// Removes the file.
  func discard() { unlink(temporary.string) }
}
