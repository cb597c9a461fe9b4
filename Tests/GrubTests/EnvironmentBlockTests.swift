import Grub
import Testing

@Suite struct EnvironmentBlockTests {
  @Test func anEmptyBlockIs1024BytesThatBeginWithTheSignature() {
    let block = EnvironmentBlock.empty
    #expect(block.utf8.count == 1024)
    #expect(block.hasPrefix("# GRUB Environment Block\n#"))
    #expect(block.dropFirst("# GRUB Environment Block\n".count).allSatisfy { $0 == "#" })
  }
}
