import Glibc
import SystemPackage

/// A sparse file with the contents of a disk, or with its log.
package final class ImageFile {
  package let path: FilePath
  private let file: FileDescriptor

  /// Makes the file, of `size` bytes that read as zero; an existing one is emptied.
  package init(at path: FilePath, size: Int64 = 0) throws {
    self.path = path
    file = try FileDescriptor.open(
      path, .readWrite, options: [.create, .truncate, .closeOnExec], permissions: .ownerReadWrite)
    try file.resize(to: size)
  }

  deinit { try? file.close() }

  /// The size in bytes, including holes.
  package func size() throws -> Int64 { try file.seek(offset: 0, from: .end) }

  /// The bytes at a place; fewer at the end of the file.
  package func read(at offset: Int64, count: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
        let got = try file.read(fromAbsoluteOffset: offset + Int64(filled), into: rest)
        if got == 0 { break }
        filled += got
      }
    }
  }

  /// Makes this file equal to `other`, including holes.
  package func copy(_ other: ImageFile) throws {
    let size = try other.size()
    try file.resize(to: 0)
    try file.resize(to: size)
    var position: Int64 = 0
    while let data = try other.nextData(from: position) {
      try copy(data.upperBound - data.lowerBound, of: other, from: data.lowerBound, to: data.lowerBound)
      position = data.upperBound
    }
  }

  /// Applies an entry of a log, whose data are in `log`.
  package func apply(_ entry: WriteLog.Entry, from log: ImageFile) throws {
    guard entry.changesTheDisk else { return }
    guard entry.flags.contains(.discard) else {
      return try copy(entry.length, of: log, from: entry.data, to: entry.offset)
    }
    let zeros = [UInt8](repeating: 0, count: Int(min(entry.length, Self.chunk)))
    var done: Int64 = 0
    while done < entry.length {
      done += Int64(try file.writeAll(toAbsoluteOffset: entry.offset + done, zeros.prefix(Int(entry.length - done))))
    }
  }

  /// The first place, in steps of a mebibyte, at which the files differ.
  package func difference(from other: ImageFile) throws -> Int64? {
    let size = try size()
    guard try other.size() == size else { return min(size, try other.size()) }
    return try stride(from: 0, to: size, by: Int(Self.chunk)).first { offset in
      try read(at: offset, count: Int(Self.chunk)) != other.read(at: offset, count: Int(Self.chunk))
    }
  }

  private static let chunk: Int64 = 1 << 20

  private func copy(_ length: Int64, of other: ImageFile, from start: Int64, to target: Int64) throws {
    var done: Int64 = 0
    while done < length {
      let bytes = try other.read(at: start + done, count: Int(min(length - done, Self.chunk)))
      guard !bytes.isEmpty else { throw Errno.ioError }
      done += Int64(try file.writeAll(toAbsoluteOffset: target + done, bytes))
    }
  }

  /// The next run of bytes that is not a hole (lseek(2)).
  private func nextData(from position: Int64) throws -> Range<Int64>? {
    do {
      let start = try file.seek(offset: position, from: FileDescriptor.SeekOrigin(rawValue: Self.seekData))
      return start..<(try file.seek(offset: start, from: FileDescriptor.SeekOrigin(rawValue: Self.seekHole)))
    } catch Errno.noSuchAddressOrDevice {
      return nil
    }
  }

  /// `SEEK_DATA` and `SEEK_HOLE`, which Glibc hides from Swift behind `_GNU_SOURCE`.
  private static let seekData: Int32 = 3
  private static let seekHole: Int32 = 4
}
