import FoundationEssentials

/// The libraries that the dynamic loader gives a program or a library (elf(5)).
public struct LinkedLibraries: Sendable, Equatable {
  /// The names of the libraries, and the path of the loader.
  public private(set) var names: [String] = []
  /// The directories in which they are looked for first, as the file has them: several are separated by colons.
  public private(set) var directories: [String] = []

  /// Reads an ELF file, of 32 or 64 bits; nil if it is not one, or is damaged. A static program has no libraries.
  public init?(_ file: Data) {
    let isRead = file.withUnsafeBytes { bytes in
      guard let header = ElfHeader(bytes) else { return false }
      return read(header, bytes)
    }
    guard isRead else { return nil }
  }

  private mutating func read(_ header: ElfHeader, _ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let segments = header.segments(in: bytes) else { return false }
    for segment in segments where segment.kind == Self.interpreter {
      guard let path = bytes.string(at: segment.offset) else { return false }
      names.append(path)
    }
    guard let dynamic = segments.first(where: { $0.kind == Self.dynamic }) else { return true }
    guard let tags = header.tags(in: dynamic, bytes) else { return false }
    guard let address = tags.first(where: { $0.tag == Self.strings })?.value else { return tags.isEmpty }
    let place = segments.first { $0.kind == Self.loaded && $0.address <= address && address - $0.address < $0.size }
    guard let place else { return false }
    let table = place.offset + (address - place.address)
    for (tag, value) in tags {
      guard [Self.needed, Self.path, Self.runPath].contains(tag) else { continue }
      guard value < bytes.count, let text = bytes.string(at: table + value) else { return false }
      if tag == Self.needed { names.append(text) } else { directories.append(text) }
    }
    return true
  }

  // PT_LOAD, PT_DYNAMIC, PT_INTERP; DT_NEEDED, DT_STRTAB, DT_RPATH, DT_RUNPATH
  private static let (loaded, dynamic, interpreter) = (1, 2, 3)
  private static let (needed, strings, path, runPath) = (1, 5, 15, 29)
}

/// The start of an ELF file: how its numbers are written, and where its segments are.
private struct ElfHeader {
  private let isLong: Bool
  private let isBigEndian: Bool

  init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= 64, bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]), [1, 2].contains(bytes[4]),
      [1, 2].contains(bytes[5])
    else { return nil }
    isLong = bytes[4] == 2
    isBigEndian = bytes[5] == 2
  }

  struct Segment {
    let (kind, offset, address, size): (Int, Int, Int, Int)
  }

  func segments(in bytes: UnsafeRawBufferPointer) -> [Segment]? {
    guard let start = word(at: isLong ? 32 : 28, bytes), let size = half(at: isLong ? 54 : 42, bytes),
      let count = half(at: isLong ? 56 : 44, bytes), start < bytes.count, size >= (isLong ? 56 : 32)
    else { return nil }
    var segments: [Segment] = []
    for place in (0..<count).map({ start + $0 * size }) {
      guard let kind = number(4, at: place, bytes), let offset = word(at: place + (isLong ? 8 : 4), bytes),
        let address = word(at: place + (isLong ? 16 : 8), bytes),
        let size = word(at: place + (isLong ? 32 : 16), bytes),
        kind > 3 || kind == 0 || offset <= bytes.count && size <= bytes.count
      else { return nil }
      segments.append(Segment(kind: kind, offset: offset, address: address, size: size))
    }
    return segments
  }

  /// The entries of the dynamic section up to the last one.
  func tags(in dynamic: Segment, _ bytes: UnsafeRawBufferPointer) -> [(tag: Int, value: Int)]? {
    let width = isLong ? 8 : 4
    var tags: [(tag: Int, value: Int)] = []
    for place in stride(from: dynamic.offset, to: dynamic.offset + dynamic.size, by: 2 * width) {
      guard let tag = number(width, at: place, bytes) else { return nil }
      if tag == 0 { break }
      guard let value = number(width, at: place + width, bytes) else { return nil }
      tags.append((tag, value))
    }
    return tags
  }

  private func half(at place: Int, _ bytes: UnsafeRawBufferPointer) -> Int? { number(2, at: place, bytes) }
  private func word(at place: Int, _ bytes: UnsafeRawBufferPointer) -> Int? { number(isLong ? 8 : 4, at: place, bytes) }

  /// A number of so many bytes; nil beyond the end. One beyond what the file can have in it becomes the largest one.
  private func number(_ width: Int, at place: Int, _ bytes: UnsafeRawBufferPointer) -> Int? {
    guard place >= 0, place <= bytes.count - width else { return nil }
    let digits = bytes[place..<(place + width)]
    let value = (isBigEndian ? Array(digits) : digits.reversed()).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return Int(min(value, 1 << 48))
  }
}
