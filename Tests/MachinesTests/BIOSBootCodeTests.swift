import Host
import SystemPackage
import Testing

@testable import Machines

@Suite struct BIOSBootCodeTests {
  private let boot = [UInt8](repeating: 0xb0, count: 512)

  @Test func bootSectorNamesTheFirstSectorOfTheCoreAndLeavesThePartitionTableAlone() throws {
    let code = try BIOSBootCode(boot: boot, core: [UInt8](repeating: 0xc0, count: 1500))
    var expected = [UInt8](repeating: 0xb0, count: 0x1b8)
    expected.replaceSubrange(0x5c..<0x64, with: [0, 8, 0, 0, 0, 0, 0, 0])
    expected.replaceSubrange(0x66..<0x68, with: [0x90, 0x90])
    #expect(code.boot == expected)
  }

  @Test func coreIsWholeSectorsAndItsFirstOneLoadsTheOthers() throws {
    let code = try BIOSBootCode(boot: boot, core: [UInt8](repeating: 0xc0, count: 1500))
    var expected = [UInt8](repeating: 0xc0, count: 1500) + [UInt8](repeating: 0, count: 36)
    expected.replaceSubrange(0x1f4..<0x200, with: [1, 8, 0, 0, 0, 0, 0, 0, 2, 0, 0x20, 0x08])
    #expect(code.core == expected)
  }

  @Test(arguments: [0, 512, (1 << 20) + 1])
  func coreThatDoesNotFitIsRefused(size: Int) {
    #expect(throws: AstError.self) {
      try BIOSBootCode(boot: boot, core: [UInt8](repeating: 0, count: size))
    }
  }

  @Test func bootSectorOfAnotherSizeIsRefused() {
    #expect(throws: AstError.self) {
      try BIOSBootCode(boot: [UInt8](repeating: 0, count: 511), core: [UInt8](repeating: 0, count: 2048))
    }
  }
}
