/// A program for EFI firmware, in the format "Portable Executable" (Microsoft, "PE Format").
///
/// Nothing in it is to be trusted: places and sizes are those that the file says, as far as they are in it.
public struct EFIProgram: Sendable {
  /// The generations of what it is made of; empty if it does not say.
  public let generations: BootGenerations
  /// Whether somebody has signed it.
  public let isSigned: Bool

  /// The program in a file with these bytes; nil if they are not one.
  public init?(_ bytes: [UInt8]) {
    let file = Fields(bytes: bytes)
    guard bytes.starts(with: Array("MZ".utf8)), let start = file.number(at: 0x3C, bytes: 4),
      file.bytes(at: start, count: 4) == Array("PE\0\0".utf8),
      let count = file.number(at: start + 6, bytes: 2), count <= Self.mostSections,
      let size = file.number(at: start + 20, bytes: 2)
    else { return nil }
    let optional = start + 24
    isSigned = Self.hasCertificates(file, at: optional, size: size)
    generations = Self.generations(in: file, sections: optional + size, count: count)
  }

  /// The most sections that are looked at; the format's own limit.
  private static let mostSections = 96
  /// The most bytes of a section that are read: shim's own has a few hundred.
  private static let largestSection = 1 << 16

  private static func generations(in file: Fields, sections: Int, count: Int) -> BootGenerations {
    for index in 0..<count {
      let header = sections + index * 40
      guard file.bytes(at: header, count: 8) == Array(".sbat\0\0\0".utf8) else { continue }
      guard let used = file.number(at: header + 8, bytes: 4), let stored = file.number(at: header + 16, bytes: 4),
        let place = file.number(at: header + 20, bytes: 4),
        let content = file.bytes(at: place, count: min(used, stored, largestSection))
      else { break }
      return BootGenerations(content.prefix { $0 != 0 })
    }
    return BootGenerations([])
  }

  /// The certificate table is the fifth of the data directories.
  private static func hasCertificates(_ file: Fields, at optional: Int, size: Int) -> Bool {
    guard let magic = file.number(at: optional, bytes: 2), magic == 0x10B || magic == 0x20B else { return false }
    let directory = (magic == 0x20B ? 112 : 96) + 4 * 8
    guard directory + 8 <= size, let place = file.number(at: optional + directory, bytes: 4),
      let length = file.number(at: optional + directory + 4, bytes: 4)
    else { return false }
    return place > 0 && length > 0
  }
}

/// Little-endian numbers at places of a file.
private struct Fields {
  let bytes: [UInt8]

  func bytes(at place: Int, count: Int) -> [UInt8]? {
    guard place >= 0, count >= 0, place <= bytes.count, count <= bytes.count - place else { return nil }
    return Array(bytes[place..<place + count])
  }

  func number(at place: Int, bytes count: Int) -> Int? {
    bytes(at: place, count: count)?.reversed().reduce(0) { $0 << 8 | Int($1) }
  }
}
