import DebianFormats
import Testing

@Suite struct AptSourceTests {
  private static let source = AptSource(
    uris: ["http://one.example/debian"], suites: ["trixie", "trixie-updates"], components: ["main", "contrib"])

  @Test func aFileOfParagraphsIsRead() {
    let text = """
      # Debian
      Types: deb
      # a comment
      URIs: http://one.example/debian
      Suites: trixie trixie-updates
      Components: main contrib
      Signed-By:
       -----BEGIN PGP PUBLIC KEY BLOCK-----
       .
       Suites: no field

      # Types: deb

      types: deb-src deb
      uris: http://two.example/a http://two.example/b
      suites:
      \ttrixie-security
      # a comment inside a value
        sid
      components: main
      """
    #expect(
      AptSource.deb822(text) == [
        Self.source,
        AptSource(
          uris: ["http://two.example/a", "http://two.example/b"], suites: ["trixie-security", "sid"],
          components: ["main"]),
      ])
  }

  @Test(arguments: [
    ("no", false), ("No", false), ("NO ", false), ("false", false), ("False", false), ("0", false), ("off", false),
    ("without", false), ("disable", false), ("\tno", false),
    ("yes", true), ("true", true), ("1", true), ("", true), ("none", true), ("disabled", true), ("no, never", true),
  ])
  func aSourceIsSwitchedOffWithTheWordsOfApt(word: String, isEnabled: Bool) {
    let text = """
      Enabled: \(word)
      Types: deb
      URIs: http://one.example/debian
      Suites: trixie trixie-updates
      Components: main contrib
      """
    #expect(AptSource.deb822(text) == (isEnabled ? [Self.source] : []))
  }

  @Test(
    arguments: [
      ("deb http://a/debian trixie main contrib", ["http://a/debian", "trixie", "main", "contrib"]),
      ("  deb\thttp://a/debian  trixie main # note", ["http://a/debian", "trixie", "main"]),
      ("deb [arch=amd64 signed-by=/x.gpg] http://a/debian trixie main", ["http://a/debian", "trixie", "main"]),
      ("deb [ arch=amd64 ] http://a/debian trixie main", ["http://a/debian", "trixie", "main"]),
      ("# deb http://a/debian trixie main", nil), ("deb-src http://a/debian trixie main", nil), ("", nil),
      ("deb http://a/debian trixie", nil), ("deb http://a/debian ./", nil), ("deb [arch=amd64", nil),
    ] as [(String, [String]?)])
  func aLineIsRead(line: String, parts: [String]?) {
    let expected = parts.map { AptSource(uris: [$0[0]], suites: [$0[1]], components: Array($0[2...])) }
    #expect(AptSource.oneLine("\n\(line)\r\n\n") == [expected].compactMap(\.self))
  }
}
