import FoundationEssentials

/// The cache in which the dynamic loader finds libraries, `/etc/ld.so.cache` (`sysdeps/generic/dl-cache.h` in glibc).
public struct LoaderCache: Sendable {
  /// An entry: the loader may take `path` for the library `name`.
  public struct Entry: Sendable, Hashable {
    /// The name that programs ask for.
    public let name: String
    /// The absolute path of the file.
    public let path: String
    /// On which processors and for which kind of program, as the cache says it.
    public let condition: [UInt64]
  }

  /// The entries, in the cache's order.
  public let entries: [Entry]

  /// The cache of a root that has none.
  public static let empty = LoaderCache(entries: [])

  private init(entries: [Entry]) { self.entries = entries }

  /// Reads a cache; nil if it has not the format that Debian's `ldconfig` has written since glibc 2.32.
  public init?(_ data: Data) {
    let entries: [Entry]? = data.withUnsafeBytes { bytes in
      guard bytes.starts(with: "glibc-ld.so.cache1.1".utf8), bytes.count >= Self.headerSize else { return nil }
      let count = Int(bytes.loadUnaligned(fromByteOffset: 20, as: UInt32.self))
      guard count <= (bytes.count - Self.headerSize) / Self.entrySize else { return nil }
      return (0..<count).compactMap { index in
        let start = Self.headerSize + index * Self.entrySize
        let word = { bytes.loadUnaligned(fromByteOffset: start + $0, as: UInt32.self) }
        guard let name = bytes.string(at: Int(word(4))), let path = bytes.string(at: Int(word(8))) else { return nil }
        let processor = bytes.loadUnaligned(fromByteOffset: start + 16, as: UInt64.self)
        return Entry(name: name, path: path, condition: [UInt64(word(0)), UInt64(word(12)), processor])
      }
    }
    guard let entries else { return nil }
    self.init(entries: entries)
  }

  private static let headerSize = 48
  private static let entrySize = 24
}

extension UnsafeRawBufferPointer {
  /// The text from an offset up to the next NUL; nil if there is none.
  func string(at start: Int) -> String? {
    guard start >= 0, start < count, let end = self[start...].firstIndex(of: 0) else { return nil }
    return String(decoding: self[start..<end], as: UTF8.self)
  }
}
