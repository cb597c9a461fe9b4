import DebianFormats
import Host
import SystemPackage

/// A list on the disk, read piece by piece: it is larger than the memory that a search may take, and can be replaced
/// meanwhile.
struct ListFile {
  private let path: FilePath
  private let directory: RootDirectory

  init(_ name: String, in directory: RootDirectory) {
    path = FilePath(name)
    self.directory = directory
  }

  /// Calls `body` with one piece after the other, and where it begins. Each has whole entries.
  ///
  /// - Throws: `AstError` if the list is not one; `FileError`.
  func forEachPiece(_ body: (ListText, Int) throws -> Void) throws {
    guard let file = try directory.openFile(path) else { return }
    try file.descriptor.closeAfter {
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.largestPiece, alignment: 16)
      defer { buffer.deallocate() }
      var (start, count) = (0, 0)
      while true {
        let read = try file.descriptor.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
        count += read
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
        let end = read == 0 ? count : ListText.endOfWholeEntries(in: bytes)
        if end > 0 { try body(ListText(UnsafeRawBufferPointer(rebasing: bytes[..<end])), start) }
        guard read > 0 else { return }
        guard end > 0 || count < buffer.count else {
          throw AstError(.failed, "\(directory.path.pushing(path)) is not a list of packages: an entry has no end")
        }
        // They may overlap.
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[end...]))
        (start, count) = (start + end, count - end)
      }
    }
  }

  /// The entries that may have a value, found by the places beside the list; nil if that is not possible.
  func entries(with value: String) throws -> [[UInt8]]? {
    guard let list = try directory.openFile(path) else { return [] }
    return try list.descriptor.closeAfter {
      guard let file = try directory.openFile(FilePath(ListPlaces.name(for: path.string))) else { return nil }
      let places = try file.descriptor.closeAfter {
        try ListPlaces.places(of: value, in: file.descriptor, for: list.size)
      }
      return try places?.map { try Self.entry(at: $0, in: list.descriptor) }
    }
  }

  /// The entry at a place.
  private static func entry(at place: Int64, in file: FileDescriptor) throws -> [UInt8] {
    var size = usualEntry
    while true {
      let bytes = try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        count = try file.read(fromAbsoluteOffset: place, into: UnsafeMutableRawBufferPointer(buffer))
      }
      let end = bytes.withUnsafeBytes { ListText($0).endOfFirstEntry }
      guard end == nil, bytes.count == size, size < largestPiece else { return Array(bytes.prefix(end ?? bytes.count)) }
      size *= 4
    }
  }

  /// Many times the longest entry of Debian's lists, in bytes, and little enough for the caches of the processor.
  private static let largestPiece = 1 << 20
  /// What most entries fit in.
  private static let usualEntry = 1 << 14
}
