internal import SystemPackage

/// The first bytes of a write-ahead log (https://sqlite.org/fileformat2.html, 4.1).
enum LogHeader {
  private static let size = 32

  /// Whether the log has a valid beginning. SQLite treats any other log as empty if it may write; if it may only read,
  /// it waits for a writer to repair it.
  static func isValid(in log: FilePath) -> Bool {
    var bytes = [UInt8](repeating: 0, count: size)
    do {
      let file = try FileDescriptor.open(log, .readOnly, options: .closeOnExec)
      let count = try file.closeAfter { try bytes.withUnsafeMutableBytes { try file.read(into: $0) } }
      // An empty log is sound, and a log without a complete header counts as empty.
      return count < size || isValid(bytes)
    } catch {
      return true
    }
  }

  static func isValid(_ bytes: [UInt8]) -> Bool {
    func number(_ offset: Int, bigEndian: Bool = true) -> UInt32 {
      let word = bytes[offset..<offset + 4]
      return (bigEndian ? Array(word) : word.reversed()).reduce(0) { $0 << 8 | UInt32($1) }
    }
    let magic = number(0)
    guard magic & ~1 == 0x377f_0682 else { return false }
    var sums: (UInt32, UInt32) = (0, 0)
    for offset in stride(from: 0, to: 24, by: 8) {
      sums.0 = sums.0 &+ number(offset, bigEndian: magic & 1 == 1) &+ sums.1
      sums.1 = sums.1 &+ number(offset + 4, bigEndian: magic & 1 == 1) &+ sums.0
    }
    return sums == (number(24), number(28))
  }
}
