import DebianFormats
import Testing

@Suite("Lists of packages") struct ListTextTests {
  private static let list = """
    Package: bash
    Version: 5.2-1
    Depends: base-files (>= 2.1),
     Package: no
    Description: GNU Bourne Again SHell
    Description-md5: 3522aa7b4374048d6450e348a5bb45d9

    Package: own
    Description: first line
     second line
     .
     third
    Architecture: all
    Version: 1:2~rc1


    Source: nameless
    Version: 1

    Package: last
    Description-en: ends here
    """

  private func entries(of text: String) -> [[String]] {
    var found: [[String]] = []
    var text = text
    text.withUTF8 { bytes in
      let list = ListText(UnsafeRawBufferPointer(bytes))
      list.forEachEntry { entry in
        found.append([
          list.string(entry.package), list.string(entry.version), list.string(entry.description),
          list.firstLine(entry.description), list.string(entry.digest),
        ])
      }
    }
    return found
  }

  @Test func anEntryHasItsValues() {
    #expect(
      entries(of: Self.list) == [
        ["bash", "5.2-1", "GNU Bourne Again SHell", "GNU Bourne Again SHell", "3522aa7b4374048d6450e348a5bb45d9"],
        ["own", "1:2~rc1", "first line\n second line\n .\n third", "first line", ""],
        ["last", "", "ends here", "ends here", ""],
      ])
  }

  @Test(arguments: ["", "\n", "\n\n\n", "Package: ", "Package", "Description-", " x", "Description-en"])
  func whatHasNoPackageHasNoEntry(_ text: String) { #expect(entries(of: text).isEmpty) }

  @Test(arguments: [
    ("Package: bash", ["Package: bash"]), ("Package: bas", []), ("ackage: bash", []),
    ("Version: 1", ["Source: nameless"]), ("Package: last", ["Package: last"]), ("Package: no", []),
    ("Description-md5: 3522aa7b4374048d6450e348a5bb45d9", ["Package: bash"]),
  ])
  func anEntryIsFoundByALine(_ line: String, beginnings: [String]) {
    var text = Self.list
    text.withUTF8 { bytes in
      let list = ListText(UnsafeRawBufferPointer(bytes))
      let found = list.entries(withLine: line).map { list.string($0) }
      #expect(found.map { String($0.prefix { $0 != "\n" }) } == beginnings)
      #expect(found.allSatisfy { !$0.contains("\n\n") })
    }
  }

  @Test(arguments: [("a: b\n\nc", 5), ("a\n", nil), ("", nil), ("\na", 0)])
  func theFirstEntryHasAnEnd(_ text: String, end: Int?) {
    var text = text
    let found = text.withUTF8 { ListText(UnsafeRawBufferPointer($0)).endOfFirstEntry }
    #expect(found == end)
  }

  @Test(arguments: [("a: b\n\nc: d", 6), ("a: b\n", 0), ("", 0), ("\n\n", 2), ("a\n\nb\n\n", 6)])
  func aPieceEndsWithAnEntry(_ text: String, end: Int) {
    var text = text
    let found = text.withUTF8 { ListText.endOfWholeEntries(in: UnsafeRawBufferPointer($0)) }
    #expect(found == end)
  }

  @Test(arguments: [
    ("web", "a Web server", true), ("WEB", "web", true), ("web", "we", false), ("web", "weweb", true),
    ("c++", "C++", true),
    ("[", "{", false), ("@", "`", false), ("ä", "xä", true), ("Ä", "ä", false), ("b", "", false), ("bb", "abab", false),
  ])
  func aWordIsFoundInAnyCase(_ word: String, in text: String, isThere: Bool) throws {
    let word = try #require(SearchWord(word))
    var text = text
    #expect(text.withUTF8 { word.isIn(UnsafeRawBufferPointer($0)) } == isThere)
  }
}
