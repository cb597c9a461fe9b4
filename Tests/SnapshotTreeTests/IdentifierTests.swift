import FoundationEssentials
import SnapshotTree
import Testing

@Suite struct IdentifierTests {
  @Test(arguments: ["0", "1", "9", "10", "2147483647"])
  func plainNumbersAreRead(_ text: String) {
    #expect(NodeID(text)?.description == text)
    #expect(GenerationNumber(text[...])?.description == text)
  }

  @Test(arguments: [
    "", " ", "-1", "+1", "00", "01", " 1", "1 ", "1.0", "0x1", "1e3", "١", "2147483648", "9999999999", "12345678901",
    "99999999999999999999999", "1\n", "1\0", "one",
  ])
  func anythingElseIsNoNumber(_ text: String) {
    #expect(NodeID(text) == nil)
  }

  @Test func identifiersAreNumbersInJSON() throws {
    #expect(String(decoding: try JSONEncoder().encode([NodeID(3), .base]), as: UTF8.self) == "[3,0]")
    #expect(try JSONDecoder().decode([NodeID].self, from: Data("[3,0]".utf8)) == [NodeID(3), .base])
    #expect(NodeID(2) < NodeID(10))
  }

  @Test func subvolumesAreWrittenAsBtrfsDoes() throws {
    let text = "0f6b1c3e-0000-4abc-8def-0123456789ab"
    #expect(SubvolumeUUID(text)?.description == text)
    #expect(SubvolumeUUID(text.uppercased())?.description == text)
    for uuid in (0..<100).map({ _ in UUID() }) {
      #expect(SubvolumeUUID(uuid).description == uuid.uuidString.lowercased())
      #expect(SubvolumeUUID(uuid.uuidString)?.rawValue == uuid)
    }
  }

  @Test(arguments: [
    "", "0f6b1c3e", "200df7a6-4f2a-4b0c-9d3e-012345-1ab37", "0f6b1c3e-0000-4abc-8def-0123456789a",
    "0f6b1c3e-0000-4abc-8def-0123456789abc", "0f6b1c3e00000-4abc-8def-0123456789ab",
    "0f6b1c3e-0000-4abc-8def-0123456789ag", "0f6b1c3e-0000-4abc-8def-0123456789 b",
    "{f6b1c3e-0000-4abc-8def-0123456789a}", "0f6b1c3e-0000-4abc-8def-01234567٠٠",
    "0f6b1c3e-0000-4abc-8def-0123456789a\0",
  ])
  func anythingElseIsNoSubvolume(_ text: String) {
    #expect(SubvolumeUUID(text) == nil)
  }
}
