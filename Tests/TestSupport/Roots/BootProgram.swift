/// A program for EFI firmware with nothing in it but what it is made of, for tests that boot nothing.
package enum BootProgram {
  /// A program with this section .sbat.
  ///
  /// - Parameters:
  ///   - isSigned: whether it says that it has certificates.
  ///   - filling: bytes that make it different from others.
  package static func bytes(generations: String, isSigned: Bool = true, filling: String = "") -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 0x80)
    bytes.replaceSubrange(0..<2, with: Array("MZ".utf8))
    bytes[0x3C] = 0x80
    bytes += Array("PE\0\0".utf8)
    // The header: a machine, one section, and an optional header of 240 bytes, that of 64 bits.
    bytes += [0x64, 0x86, 1, 0] + [UInt8](repeating: 0, count: 12) + [240, 0, 0, 0]
    var optional = [UInt8](repeating: 0, count: 240)
    (optional[0], optional[1]) = (0x0B, 0x02)
    if isSigned { (optional[112 + 32 + 1], optional[112 + 36]) = (2, 8) }
    let content = Array(generations.utf8) + [0]
    bytes += optional + Array(".sbat\0\0\0".utf8)
    bytes += number(content.count) + number(0x1000) + number(content.count) + number(512)
    bytes += [UInt8](repeating: 0, count: 512 - bytes.count)
    return bytes + content + Array(filling.utf8)
  }

  private static func number(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
}
