import DebianFormats
import Testing

@Suite("AppStream metadata")
struct ApplicationReaderTests {
  private func read(_ text: String) -> [Application] {
    var reader = ApplicationReader()
    var found: [Application] = []
    for line in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      if let application = Array(line).withUnsafeBytes({ reader.read($0) }) { found.append(application) }
    }
    if let application = reader.end() { found.append(application) }
    return found
  }

  private func document(_ name: String, type: String = "desktop-application", more: String = "") -> String {
    "---\nType: \(type)\nID: org.example\nPackage: app\nName:\n  de: Anders\n  C: \(name)\n\(more)"
  }

  /// Texts as YAML writes them, and what they mean.
  @Test(arguments: [
    ("Plain", "Plain"), ("Plain\n    that goes on", "Plain that goes on"), ("'It''s'", "It's"),
    ("'Project: two\n    lines'", "Project: two lines"), (#""A \"b\" \\ \u00e9\x21\n\e""#, "A \"b\" \\ é! \u{1B}"),
    ("\"cut \\\n    here\"", "cut here"), (">-\n    Folded\n    text", "Folded text"),
    ("|\n    Kept\n\n    lines", "Kept lines"), ("a: b", "a: b"), ("\"\\ud800\"", "\u{FFFD}"), ("\"open", "open"),
  ])
  func textsAreRead(text: String, meaning: String) {
    let found = read(document(text, more: "Summary:\n  C: After\n"))
    #expect(found.map(\.name) == [meaning])
    #expect(found.map(\.summary) == ["After"])
  }

  @Test func documentsAreApart() {
    let icon = "Icon:\n  remote:\n  - name: far.png\n  cached:\n  - name: near.png\n    width: 64\n  - name: big.png\n"
    let text = document("One", more: icon) + document("Font", type: "font") + document("Two")
    #expect(
      read(text) == [
        Application(id: "org.example", package: "app", name: "One", summary: "", icon: "near.png"),
        Application(id: "org.example", package: "app", name: "Two", summary: "", icon: nil),
      ])
  }

  /// What is below another key, or without a name, is no application.
  @Test(arguments: [
    "", "---", "---\nType: desktop-application\nID: a\nPackage: b\n", "Name:\n  C: x\n",
    "---\nType: desktop-application\nID: a\nPackage: b\nDescription:\n  C: x\nKeywords:\n  C:\n  - Name\n",
    "---\nX:\n  Type: desktop-application\n  ID: a\n  Package: b\nName:\n  C: x\n",
    "---\nType: desktop-application\nName:\n  C: ''",
  ])
  func othersAreNone(text: String) {
    #expect(read(text) == [])
  }
}
