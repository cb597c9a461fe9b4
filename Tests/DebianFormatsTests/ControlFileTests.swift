import DebianFormats
import Testing

@Suite struct ControlFileTests {
  private static let fields: Set = ["Package", "Version", "Essential"]

  @Test(arguments: [
    ("", []), ("\n\n\n", []), ("Package: a\n", [["Package": "a"]]), ("Package: a", [["Package": "a"]]),
    ("Package: a\nVersion: 1:2-3\n\nPackage: b\n", [["Package": "a", "Version": "1:2-3"], ["Package": "b"]]),
    // More than one empty line, at the beginning, in the middle, at the end.
    ("\n\nPackage: a\n\n\n\nPackage: b\n\n", [["Package": "a"], ["Package": "b"]]),
    // Unwanted fields are left out, and so is a paragraph without wanted fields.
    ("Package: a\nDescription: x\n\nDescription: y\n", [["Package": "a"]]),
    // A line of another field's value is not a field, whatever it looks like.
    ("Package: a\nDescription: x\n Version: 1\n\tEssential: yes\n .\n", [["Package": "a"]]),
    ("Package:a\nVersion:    2\nEssential:\n", [["Package": "a", "Version": "2", "Essential": ""]]),
    ("Package: a\nno field\n: nothing\nVersion: 1\n", [["Package": "a", "Version": "1"]]),
    ("Package: first\nPackage: last\n", [["Package": "last"]]),
    ("Version: 1\n 2\n#3\n\t4\nPackage: a\n", [["Package": "a", "Version": "1\n2\n4"]]),
    ("Version:\n 1\n\n 2\n", [["Version": "\n1"]]),
    ("# Version: 1\n#\nPACKAGE: a\nvErSiOn:\t2\n", [["Package": "a", "Version": "2"]]),
    ("Version: päckchen\n", [["Version": "päckchen"]]),
  ])
  func paragraphsHaveTheFieldsThatAreWanted(text: String, paragraphs: [[String: String]]) {
    #expect(ControlFile.paragraphs(in: Array(text.utf8), fields: Self.fields) == paragraphs)
  }

  @Test func bytesThatAreNoTextDoNoHarm() {
    let text = Array("Package: a\n".utf8) + [0xff, 0x3a, 0x20, 0xfe, 0x0a] + Array("Version: ".utf8) + [0xc3, 0x0a]
    #expect(ControlFile.paragraphs(in: text, fields: Self.fields) == [["Package": "a", "Version": "\u{FFFD}"]])
  }
}
