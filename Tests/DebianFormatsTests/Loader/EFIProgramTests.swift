import DebianFormats
import TestSupport
import Testing

@Suite("A program for EFI firmware") struct EFIProgramTests {
  private let signed = BootProgram.bytes(generations: "shim,4\nshim.debian,1\n")

  @Test func itSaysWhatItIsMadeOf() {
    #expect(EFIProgram(signed)?.generations.parts == ["shim": 4, "shim.debian": 1])
    #expect(EFIProgram(signed)?.isSigned == true)
    #expect(EFIProgram(BootProgram.bytes(generations: "", isSigned: false))?.isSigned == false)
  }

  @Test func otherBytesAreNotOne() {
    for bytes in [[], Array("MZ".utf8), Array("\u{7f}ELF".utf8), [UInt8](repeating: 0x4D, count: 4096)] {
      #expect(EFIProgram(bytes) == nil)
    }
  }

  /// Each cut and each changed byte of the headers gives a program with less in it, or none.
  @Test func damageIsNotFollowed() {
    for count in signed.indices { _ = EFIProgram(Array(signed.prefix(count))) }
    for place in 0..<512 {
      for byte in [0, 0x7F, 0xFF] as [UInt8] {
        var damaged = signed
        damaged[place] = byte
        _ = EFIProgram(damaged)
      }
    }
    var long = signed
    for place in 0x88 + 240 + 8..<0x88 + 240 + 12 { long[place] = 0xFF }
    #expect(EFIProgram(long) != nil)
  }
}
