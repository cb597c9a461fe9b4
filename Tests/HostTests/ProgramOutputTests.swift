import Testing

@testable import Host

/// What is kept of programs that print without end.
@Suite struct ProgramOutputTests {
  private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  @Test func onlyTheStartOfAnOutputIsKept() {
    var output = OutputStart(limit: 5)
    output.add(bytes("abc"))
    #expect((output.text, output.isCut) == ("abc", false))
    output.add(bytes("de"))
    #expect((output.text, output.isCut) == ("abcde", false))
    output.add(bytes("f"))
    for _ in 0..<1000 { output.add(bytes("ghi")) }
    #expect((output.text, output.isCut) == ("abcde", true))
  }

  @Test func startAndEndOfTheMessagesAreKept() {
    var said = OutputEnds()
    said.add(bytes("the reason\n"))
    #expect(said.text == "the reason\n")
    for number in 0..<100_000 { said.add(bytes("line \(number)\n")) }
    #expect(said.text.hasPrefix("the reason\nline 0\n"))
    #expect(said.text.hasSuffix("line 99998\nline 99999\n"))
    #expect(said.text.contains("\n[...]\n"))
    #expect(said.text.utf8.count < 1 << 17)
    var short = OutputEnds()
    for _ in 0..<40_000 { short.add(bytes("x")) }
    #expect(short.text == String(repeating: "x", count: 40_000))
  }

  @Test func aLineWithoutAnEndIsCut() {
    var lines = LineBuffer()
    #expect(lines.lines(adding: bytes("a\nb")) == ["a"])
    #expect(lines.lines(adding: bytes("c\n\nd")) == ["bc", ""])
    for _ in 0..<1000 { #expect(lines.lines(adding: bytes(String(repeating: "x", count: 1000))).isEmpty) }
    let rest = lines.lines(adding: bytes("\nnext\n"))
    #expect(rest.count == 2 && rest[0].utf8.count == 1 << 16 && rest[1] == "next")
  }
}
