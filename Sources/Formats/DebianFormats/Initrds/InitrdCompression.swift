/// A way in which the main part of an initrd is compressed (lib/decompress.c of Linux).
public enum InitrdCompression: String, CaseIterable, Sendable {
  case gzip
  case bzip2
  case lzma
  case xz
  case lzop
  case lz4
  case zstd

  /// The way in which a file is compressed that begins so; nil if there is no such way.
  init?(start: [UInt8]) {
    guard let found = Self.allCases.first(where: { way in way.magics.contains { start.starts(with: $0) } }) else {
      return nil
    }
    self = found
  }

  /// The program that decompresses it, with the options `-dc` from standard input to standard output.
  public var program: String { self == .lzma ? "xz" : rawValue }

  /// The first bytes.
  private var magics: [[UInt8]] {
    switch self {
    case .gzip: [[0x1f, 0x8b], [0x1f, 0x9e]]
    case .bzip2: [Array("BZh".utf8)]
    case .lzma: [[0x5d, 0, 0]]
    case .xz: [[0xfd] + Array("7zXZ".utf8) + [0]]
    case .lzop: [[0x89] + Array("LZO".utf8)]
    case .lz4: [[0x02, 0x21, 0x4c, 0x18], [0x04, 0x22, 0x4d, 0x18]]
    case .zstd: [[0x28, 0xb5, 0x2f, 0xfd]]
    }
  }

  /// As many bytes as say which way it is, or that it is an archive.
  static let longestMagic = 6
}
