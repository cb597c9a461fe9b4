import Etc
import Testing

@Suite struct AccountFileTests {
  @Test(arguments: [
    "", "\n", "root:x:0:0:root:/root:/bin/sh", "root:x:0:0:root:/root:/bin/sh\n", "# comment\n\n+@staff::::::\n-bad\n",
    "a:x:007:08:odd numbers::\nb:x:1:2\n\n\n",
    "\u{e4}:x:1:2:umlaut::\n  blank:x:1:2:::\nno colon\nx:y:z:w:::\n:x:3:4:::\n",
  ])
  func whatIsNotChangedStaysByteForByte(_ text: String) {
    var file = AccountFile<PasswdEntry>(text.utf8)
    #expect(file.content == Array(text.utf8))
    file.update { $0.id = $0.id }
    #expect(file.content == Array(text.utf8))
  }

  @Test func bytesThatAreNoTextStay() {
    let bytes: [UInt8] = [0xff, 0x3a, 0x78, 0x3a, 0x31, 0x3a, 0x32, 0x0a, 0x00, 0x0d]
    #expect(AccountFile<GroupEntry>(bytes).content == bytes)
    #expect(AccountFile<GroupEntry>(bytes).entries.isEmpty)
  }

  @Test(
    arguments: [
      ("root:x:0:0:root:/root:/bin/sh", "root", 0, 0), ("  tab:x:5:6:::", "tab", 5, 6),
      ("short:x:10:20", "short", 10, 20),
      ("max:x:4294967295:007:::", "max", 4_294_967_295, 7),
    ] as [(String, String, UInt32, UInt32)])
  func usersAreRead(_ line: String, _ name: String, _ id: UInt32, _ group: UInt32) {
    let entry = PasswdEntry(Array(line.utf8))
    #expect(entry?.name == name)
    #expect(entry?.id == id)
    #expect(entry?.group == group)
  }

  @Test(arguments: [
    "", "root", "root:x:0", "root:x::0:::", "root:x:0:-1:::", "root:x:+1:0:::", "root:x:4294967296:0:::", "+:x:1:1:::",
    "-a:x:1:1:::", "#a:x:1:1:::", " #a:x:1:1:::", ":x:1:1:::", "a\u{7f}:x:1:1:::", "a\u{0}:x:1:1:::", "a:x:1 :1:::",
  ])
  func whatIsNoUserIsNone(_ line: String) {
    #expect(PasswdEntry(Array(line.utf8)) == nil)
  }

  @Test func onlyTheNumbersOfAnEntryChange() {
    var passwd = AccountFile<PasswdEntry>("# one\na:x:100:0101:A, a::/bin/sh\n+\nb:x:101:100::/b:".utf8)
    passwd.update { entry in
      if entry.id == 100 { entry.id = 4711 }
      if entry.group == 100 { entry.group = 7 }
    }
    #expect(String(decoding: passwd.content, as: UTF8.self) == "# one\na:x:4711:0101:A, a::/bin/sh\n+\nb:x:101:7::/b:")
    var group = AccountFile<GroupEntry>("a:*:100:b,c\nb:!:101\n".utf8)
    group.update { $0.id += 1 }
    #expect(String(decoding: group.content, as: UTF8.self) == "a:*:101:b,c\nb:!:102\n")
  }
}

@Suite struct AccountLineTests {
  @Test func fieldsOfALineAreReadAndSet() {
    var entry = ShadowEntry(Array("ann:!:19000:0:99999:7:::".utf8))
    #expect(entry?[2] == Array("19000".utf8))
    #expect(entry?[8] == [])
    entry?[1] = Array("*".utf8)
    #expect(entry.map { String(decoding: $0.line, as: UTF8.self) } == "ann:*:19000:0:99999:7:::")
    entry?[0] = Array("bob".utf8)
    #expect(entry?.name == "ann")
    #expect(entry.map { String(decoding: $0.line, as: UTF8.self) } == "ann:*:19000:0:99999:7:::")
  }

  @Test func aShortLineGrowsWhenAFieldIsSet() {
    var entry = GroupShadowEntry(Array("adm:!".utf8))
    entry?[3] = Array("ann".utf8)
    #expect(entry.map { String(decoding: $0.line, as: UTF8.self) } == "adm:!::ann")
  }

  @Test func rangesOfNumbersAreRead() {
    #expect(SubordinateEntry(Array("ann:100000:65536".utf8))?.range == 100_000..<165_536)
    #expect(SubordinateEntry(Array("max:4294967295:4294967295".utf8))?.range == 4_294_967_295..<8_589_934_590)
    #expect(SubordinateEntry(Array("1000:1:0".utf8))?.range.isEmpty == true)
  }

  @Test(arguments: ["ann:x:1", "ann:1", "ann:1:-1", "ann", "+ann:1:1", "", "#ann:1:1"])
  func whatIsNoRangeIsNone(_ line: String) {
    #expect(SubordinateEntry(Array(line.utf8)) == nil)
  }

  @Test(arguments: ["", "ann", "+ann:x", "# ann:x"])
  func whatIsNoShadowEntryIsNone(_ line: String) {
    #expect(ShadowEntry(Array(line.utf8)) == nil)
    #expect(GroupShadowEntry(Array(line.utf8)) == nil)
  }

  @Test func aFileOfLinesEndsInANewline() {
    let file = AccountFile<GroupEntry>(lines: [Array("a:x:1:".utf8), Array("b:x:2:".utf8)])
    #expect(String(decoding: file.content, as: UTF8.self) == "a:x:1:\nb:x:2:\n")
    #expect(AccountFile<GroupEntry>(lines: []).content == [])
  }

  @Test(
    arguments: [
      ("root:x:0:0:root:/root:/bin/bash", "/bin/bash"), ("root:x:0:0:root:/root:", nil), ("root:x:0:0", nil),
      ("root:x:0:0:root:/root:bash", nil),
    ] as [(String, String?)])
  func theShellIsAPathOrNone(line: String, shell: String?) {
    #expect(PasswdEntry(Array(line.utf8))?.shell == shell)
  }
}
