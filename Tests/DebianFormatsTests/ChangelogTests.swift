import DebianFormats
import Testing

@Suite("Changelogs") struct ChangelogTests {
  private static let text = """
    tool (2.0-1+b1) trixie; urgency=low, binary-only=yes

      * Rebuild.

     -- A <a@example.org>  Mon, 01 Dec 2025 10:00:00 +0000

    tool (2.0-1) unstable; urgency=medium

      [ B ]
      * New upstream release (closes: #1).
      * (3.0) is not a heading.

     -- B <b@example.org>  Sun, 30 Nov 2025 10:00:00 +0000

    tool (0.9-1) unstable; urgency=medium

      * Older.

     -- B <b@example.org>  Sat, 29 Nov 2025 10:00:00 +0000


    """

  @Test func eachHeadingBeginsAnEntry() {
    let log = Changelog(Self.text)
    #expect(log.entries.map(\.version) == ["2.0-1+b1", "2.0-1", "0.9-1"])
    #expect(
      log.entries[0].text == """
        tool (2.0-1+b1) trixie; urgency=low, binary-only=yes

          * Rebuild.

         -- A <a@example.org>  Mon, 01 Dec 2025 10:00:00 +0000
        """)
    #expect(log.entries[1].text.contains("(3.0) is not a heading."))
  }

  @Test(arguments: [
    ("0.1", 3), ("0.9-1", 2), ("1.0", 2), ("2.0-1~rc1", 2), ("2.0-1", 1), ("2.0-1+b1", 0), ("1:0.9-1", 0), ("3", 0),
  ])
  func entriesEndAtTheFirstThatIsNotNewer(version: String, count: Int) {
    let log = Changelog(Self.text)
    #expect(log.entries(after: version) == Array(log.entries.prefix(count)))
    #expect(log.reaches(version) == (count < 3))
  }

  @Test(arguments: [
    "", "no heading\n  * x\n", " tool (1.0) indented\n", "a b (1.0) two words\n", "tool () x\n", "tool (1.0",
  ])
  func whatIsNoHeadingBeginsNothing(text: String) {
    #expect(Changelog(text).entries == [])
  }
}
