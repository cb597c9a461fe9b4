/// A file that gzip(1) has compressed: RFC 1952, and RFC 1951 for what is in it.
public enum GzipFile {
  /// The first bytes of the content, at most `limit`; nil if the file is not of that kind, or damaged before the limit
  /// is reached.
  ///
  /// The check sum is not compared: a text that is only shown need not be true.
  public static func content(of file: [UInt8], limit: Int) -> [UInt8]? {
    var inflation = Inflation(file, limit: limit)
    do {
      repeat {
        try inflation.readHeader()
        try inflation.readBlocks()
        // Check sum and length.
        inflation.skip(8)
      } while !inflation.isFull && inflation.isAtHeader
    } catch .full {
      return inflation.output
    } catch {
      return nil
    }
    return inflation.output
  }
}

/// Why no more bytes come.
private enum InflationEnd: Error {
  case full, damaged
}

/// A decompression that reads bit by bit, as RFC 1951 describes it.
private struct Inflation {
  private let input: [UInt8]
  private let limit: Int
  private var position = 0
  private var bits: UInt32 = 0
  private var bitCount: UInt32 = 0
  private(set) var output: [UInt8] = []

  init(_ input: [UInt8], limit: Int) {
    (self.input, self.limit) = (input, limit)
  }

  var isFull: Bool { output.count >= limit }

  // MARK: The wrapping

  var isAtHeader: Bool { position + 2 <= input.count && input[position] == 0x1f && input[position + 1] == 0x8b }

  mutating func skip(_ count: Int) { position += count }

  mutating func readHeader() throws(InflationEnd) {
    // Magic number, method 8, flags; time, extra flags and system do not matter.
    guard isAtHeader, position + 10 <= input.count, input[position + 2] == 8 else { throw .damaged }
    let flags = input[position + 3]
    position += 10
    if flags & 4 != 0 { position += 2 + Int(try byte(at: position)) + Int(try byte(at: position + 1)) << 8 }
    // The name and the comment end with a zero.
    for flag: UInt8 in [8, 16] where flags & flag != 0 {
      while try byte(at: position) != 0 { position += 1 }
      position += 1
    }
    if flags & 2 != 0 { position += 2 }
    (bits, bitCount) = (0, 0)
  }

  private func byte(at index: Int) throws(InflationEnd) -> UInt8 {
    guard index < input.count else { throw .damaged }
    return input[index]
  }

  // MARK: Blocks

  mutating func readBlocks() throws(InflationEnd) {
    var isLast = false
    while !isLast {
      isLast = try read(1) == 1
      switch try read(2) {
      case 0: try copyStored()
      case 1: try readCodes(.fixedLengths, .fixedDistances)
      case 2:
        let (lengths, distances) = try readTables()
        try readCodes(lengths, distances)
      default: throw .damaged
      }
    }
  }

  private mutating func read(_ count: UInt32) throws(InflationEnd) -> Int {
    while bitCount < count {
      bits |= UInt32(try byte(at: position)) << bitCount
      position += 1
      bitCount += 8
    }
    let value = bits & (1 << count - 1)
    bits >>= count
    bitCount -= count
    return Int(value)
  }

  private mutating func append(_ byte: UInt8) throws(InflationEnd) {
    guard !isFull else { throw .full }
    output.append(byte)
  }

  private mutating func copyStored() throws(InflationEnd) {
    (bits, bitCount) = (0, 0)
    let count = Int(try byte(at: position)) | Int(try byte(at: position + 1)) << 8
    let inverse = Int(try byte(at: position + 2)) | Int(try byte(at: position + 3)) << 8
    guard count ^ inverse == 0xffff else { throw .damaged }
    position += 4
    for _ in 0..<count {
      try append(byte(at: position))
      position += 1
    }
  }

  private mutating func readCodes(_ lengths: PrefixCode, _ distances: PrefixCode) throws(InflationEnd) {
    while true {
      let symbol = try symbol(lengths)
      if symbol < 256 {
        try append(UInt8(symbol))
        continue
      }
      if symbol == 256 { return }
      guard symbol - 257 < Self.lengthBases.count else { throw .damaged }
      let count = Self.lengthBases[symbol - 257] + (try read(Self.lengthBits[symbol - 257]))
      let place = try self.symbol(distances)
      guard place < Self.distanceBases.count else { throw .damaged }
      let distance = Self.distanceBases[place] + (try read(UInt32(max(0, place / 2 - 1))))
      guard distance <= output.count else { throw .damaged }
      for _ in 0..<count { try append(output[output.count - distance]) }
    }
  }

  private mutating func symbol(_ code: PrefixCode) throws(InflationEnd) -> Int {
    var (word, first, index) = (0, 0, 0)
    for length in 1...PrefixCode.longest {
      word |= try read(1)
      let count = code.counts[length]
      if word - count < first { return code.symbols[index + word - first] }
      index += count
      first = (first + count) << 1
      word <<= 1
    }
    throw .damaged
  }

  private mutating func readTables() throws(InflationEnd) -> (lengths: PrefixCode, distances: PrefixCode) {
    let (lengthCount, distanceCount) = (try read(5) + 257, try read(5) + 1)
    let codeCount = try read(4) + 4
    guard lengthCount <= 286, distanceCount <= 30 else { throw .damaged }
    var codeLengths = [Int](repeating: 0, count: 19)
    for place in Self.orderOfCodeLengths.prefix(codeCount) { codeLengths[place] = try read(3) }
    let code = try PrefixCode(lengths: codeLengths[...])
    var found: [Int] = []
    while found.count < lengthCount + distanceCount {
      switch try symbol(code) {
      case let length where length < 16: found.append(length)
      case 16:
        guard let last = found.last else { throw .damaged }
        found += Array(repeating: last, count: 3 + (try read(2)))
      case 17: found += Array(repeating: 0, count: 3 + (try read(3)))
      default: found += Array(repeating: 0, count: 11 + (try read(7)))
      }
    }
    guard found.count == lengthCount + distanceCount, found[256] != 0 else { throw .damaged }
    return (try PrefixCode(lengths: found[..<lengthCount]), try PrefixCode(lengths: found[lengthCount...]))
  }

  // The tables of RFC 1951, 3.2.5 and 3.2.7.
  private static let lengthBases = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
  ]
  private static let lengthBits: [UInt32] = [
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
  ]
  private static let distanceBases = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
    8193, 12289, 16385, 24577,
  ]
  private static let orderOfCodeLengths = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
}

/// A code in which no word begins another one, given by the lengths of the words (RFC 1951, 3.2.2).
private struct PrefixCode {
  static let longest = 15

  /// How many words have each length.
  let counts: [Int]
  /// The symbols in the order of their words.
  let symbols: [Int]

  init(lengths: ArraySlice<Int>) throws(InflationEnd) {
    var counts = [Int](repeating: 0, count: Self.longest + 1)
    for length in lengths { counts[length] += 1 }
    counts[0] = 0
    var left = 1
    for length in 1...Self.longest {
      left = left << 1 - counts[length]
      guard left >= 0 else { throw .damaged }
    }
    var places = [Int](repeating: 0, count: Self.longest + 2)
    for length in 1...Self.longest { places[length + 1] = places[length] + counts[length] }
    var symbols = [Int](repeating: 0, count: lengths.count)
    for (symbol, length) in lengths.enumerated() where length != 0 {
      symbols[places[length]] = symbol
      places[length] += 1
    }
    (self.counts, self.symbols) = (counts, symbols)
  }

  private init(fixed lengths: [Int]) {
    guard let code = try? PrefixCode(lengths: lengths[...]) else { preconditionFailure("RFC 1951, 3.2.6") }
    self = code
  }

  static let fixedLengths = PrefixCode(
    fixed: Array(repeating: 8, count: 144) + Array(repeating: 9, count: 112) + Array(repeating: 7, count: 24)
      + Array(repeating: 8, count: 8))
  static let fixedDistances = PrefixCode(fixed: Array(repeating: 5, count: 30))
}
