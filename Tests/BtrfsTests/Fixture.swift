import Btrfs
import Glibc
import SystemPackage
import TestSupport
import Testing

/// Expects `body` to fail with a `BtrfsError` of this code; returns the error for further looks.
@discardableResult
func expectFailure<T>(
  _ code: BtrfsError.Code, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> T
) -> BtrfsError? {
  let error = #expect(throws: BtrfsError.self, sourceLocation: sourceLocation) { _ = try body() }
  #expect(error?.code == code, sourceLocation: sourceLocation)
  return error
}

extension FilePath {
  /// Makes a file of `size` bytes which do not compress; `seed` chooses them.
  func write(_ size: Int, seed: UInt64 = 1) throws {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    var words = [UInt64](repeating: 0, count: 8192)
    for index in words.indices {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      words[index] = state
    }
    let file = try create()
    try file.closeAfter {
      try words.withUnsafeBytes { block in
        for offset in stride(from: 0, to: size, by: block.count) {
          try file.writeAll(UnsafeRawBufferPointer(rebasing: block.prefix(size - offset)))
        }
      }
    }
  }

  /// Makes a file of these bytes.
  func write(_ bytes: some Sequence<UInt8>) throws {
    let file = try create()
    _ = try file.closeAfter { try file.writeAll(bytes) }
  }

  private func create() throws -> FileDescriptor {
    try FileDescriptor.open(
      self, .writeOnly, options: [.create, .truncate, .closeOnExec], permissions: FilePermissions(rawValue: 0o644))
  }

  func makeDirectory() throws {
    guard mkdir(string, 0o755) == 0 else { throw Errno(rawValue: errno) }
  }

  /// Something has this name; a symbolic link counts itself.
  var exists: Bool {
    (try? stat(followTargetSymlink: false)) != nil
  }
}
