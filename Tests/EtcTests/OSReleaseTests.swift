import Etc
import Testing

@Suite struct OSReleaseTests {
  @Test(
    arguments: [
      ("PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"", "Debian GNU/Linux 13 (trixie)"),
      ("PRETTY_NAME='Debian \"13\"'", "Debian \"13\""), ("PRETTY_NAME=Debian", "Debian"), ("PRETTY_NAME=", ""),
      ("PRETTY_NAME=\"a \\\"quoted\\\" \\$name \\\\ \\` \\x\"", "a \"quoted\" $name \\ ` \\x"),
      ("PRETTY_NAME='one \\'", "one \\"), ("PRETTY_NAME=a\\ b\\'c", "a b'c"),
      ("  PRETTY_NAME=\"Debian \" \t\r", "Debian "), ("PRETTY_NAME=\"it's\"", "it's"),
      ("PRETTY_NAME=first\nPRETTY_NAME=last", "last"), ("# PRETTY_NAME=x", nil), ("", nil), ("\n=\n", nil),
      ("NOT_PRETTY_NAME=x", nil), ("PRETTY_NAME", nil), ("PRETTY_NAME=\"no end", "no end"),
      ("PRETTY_NAME=p\u{e4}ckchen", "p\u{e4}ckchen"),
    ] as [(String, String?)])
  func aValueIsReadAsAShellReadsIt(text: String, name: String?) {
    let release = OSRelease("ID=debian\n\(text)\nVERSION_ID=\"13\"\n".utf8)
    #expect(release["PRETTY_NAME"] == name)
    #expect(release.prettyName == name ?? "")
    #expect(release["ID"] == "debian")
    #expect(release["VERSION_ID"] == "13")
  }

  @Test func bytesThatAreNoTextDoNoHarm() {
    #expect(OSRelease([0xff, 0x0a] + Array("PRETTY_NAME=x".utf8) + [0xfe]).prettyName == "x\u{FFFD}")
  }
}
