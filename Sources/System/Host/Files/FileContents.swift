import Glibc
import SystemPackage

extension OpenDirectory {
  private static let pieceSize = 1 << 16

  /// The next bytes of an open file, at most `pieceSize` and at most as many as `rest`; empty at its end.
  package func read(
    _ file: FileDescriptor, _ name: Name, from start: Int64, rest: Int64 = .max
  ) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: Int(min(Int64(Self.pieceSize), rest))) { buffer, count in
      while count < buffer.count {
        let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[count...])
        let read = pread(file.rawValue, rest.baseAddress, rest.count, Int(start) + count)
        guard read >= 0 else { throw failure("read", name) }
        if read == 0 { break }
        count += read
      }
    }
  }

  /// The content of a regular file; nil if the name does not exist.
  ///
  /// - Throws: `AstError` for anything but a regular file, and for one larger than `limit`.
  package func contents(of name: Name, limit: Int64) throws -> [UInt8]? {
    guard let status = try status(of: name) else { return nil }
    guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= limit else {
      throw AstError(.refused, "\(path.appending(name)) is not a file of a sensible size", state: .unchanged)
    }
    guard let file = try file(name) else { return nil }
    defer { try? file.close() }
    var contents: [UInt8] = []
    while true {
      let piece = try read(file, name, from: Int64(contents.count))
      if piece.isEmpty { return contents }
      contents += piece
    }
  }
}
