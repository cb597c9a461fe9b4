import DebianFormats
import Testing

@Suite("The signature of a kernel module") struct ModuleSignatureTests {
  @Test func theTrailerIsThatOfTheKernel() {
    // As scripts/sign-file writes it: a struct module_signature and the marker.
    let message = [UInt8](repeating: 7, count: 0x1234)
    let expected = message + [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34] + Array("~Module signature appended~\n".utf8)
    #expect(ModuleSignature.trailer(for: message) == expected)
  }

  private static let beginnings: [(String, Bool)] = [
    ("", false), ("7f454c46", false),
    // ET_REL of 64 bits, of either order of bytes.
    ("7f454c46 0201 01 00 0000000000000000 0100", true), ("7f454c46 0102 01 00 0000000000000000 0001", true),
    // A program, a shared library, a core, and an order of bytes that there is not.
    ("7f454c46 0201 01 00 0000000000000000 0200", false), ("7f454c46 0201 01 00 0000000000000000 0300", false),
    ("7f454c46 0201 01 00 0000000000000000 0001", false), ("7f454c46 0203 01 00 0000000000000000 0100", false),
    // A kernel, a program for EFI, and firmware.
    ("4d5a 0000 0000 0000 0000 0000 0000 0000 0100", false), ("00000000 0000 0000 0000 0000 0000 0000 0100", false),
  ]

  @Test(arguments: beginnings)
  func onlyAModuleIsOne(hexadecimal: String, expected: Bool) {
    #expect(ModuleSignature.isModule(bytes(hexadecimal)) == expected)
  }
}

@Suite("The keys that shim knows") struct MokListTests {
  private static let owner = String(repeating: "50", count: 16)
  private static let x509 = "a159c0a5e494a74a87b5ab155c2bf072"
  private static let sha256 = "2616c4c14c509240aca941f936934328"

  /// A list with one entry.
  private static func list(_ kind: String, _ content: String) -> String {
    let size = 16 + content.count / 2
    return kind + number(28 + size) + number(0) + number(size) + owner + content
  }

  private static func number(_ value: Int) -> String {
    (0..<4).map { place in
      let digits = String(value >> (8 * place) & 0xff, radix: 16)
      return digits.count == 1 ? "0\(digits)" : digits
    }.joined()
  }

  private static let twoEntries: String = [x509, number(28 + 36), number(0), number(18), owner, "3002", owner, "3001"]
    .joined()
  private static let third: String = [list(x509, "3002"), list(sha256, "ffff"), list(x509, "3001")].joined()
  private static let good: [String] = [list(x509, "3001"), third, twoEntries]
  /// Other certificates, cut off, and sizes that cannot be.
  private static let bad: [String] = [
    "", list(x509, "3002"), list(sha256, "3001"), String(list(x509, "3001").dropLast(2)),
    [x509, number(0), number(0), number(18)].joined(), [x509, number(28), number(100), number(18)].joined(),
    [x509, number(46), number(0), number(0), owner, "3001"].joined(),
    [x509, "ffffffff", "ffffffff", "ffffffff", owner, "3001"].joined(),
  ]

  @Test func aCertificateIsFound() {
    for list in Self.good { #expect(MokList(bytes(list)).contains([0x30, 0x01]), "\(list)") }
    for list in Self.bad { #expect(!MokList(bytes(list)).contains([0x30, 0x01]), "\(list)") }
  }
}

private func bytes(_ hexadecimal: String) -> [UInt8] {
  let digits = hexadecimal.compactMap(\.hexDigitValue)
  return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}
