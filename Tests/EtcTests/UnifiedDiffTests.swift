import FileTrees
import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

@Suite("Differences of texts") struct UnifiedDiffTests {
  private func lines(_ older: String, _ newer: String) -> [String] {
    UnifiedDiff(from: Array(older.utf8), to: Array(newer.utf8)).lines.map(\.text)
  }

  @Test func aChangeIsShownWithTheLinesAroundIt() {
    let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n"
    #expect(
      lines(old, old.replacing("5\n", with: "five\nfive and a half\n")) == [
        "@@ -2,7 +2,8 @@", " 2", " 3", " 4", "-5", "+five", "+five and a half", " 6", " 7", " 8",
      ])
  }

  @Test func equalTextsHaveNoLines() {
    #expect(lines("", "") == [])
    #expect(lines("a\nb", "a\nb") == [])
  }

  @Test func aTextThatIsNewIsAddedWhole() {
    #expect(lines("", "a\nb\n") == ["@@ -0,0 +1,2 @@", "+a", "+b"])
    #expect(lines("a\n", "") == ["@@ -1 +0,0 @@", "-a"])
  }

  @Test func theMissingLastNewlineIsADifference() {
    let remark = "\\ No newline at end of file"
    #expect(lines("a", "a\n") == ["@@ -1 +1 @@", "-a", remark, "+a"])
    #expect(lines("b\na", "a") == ["@@ -1,2 +1 @@", "-b", " a", remark])
  }

  @Test func bytesThatAreNotTextAreReplaced() {
    #expect(UnifiedDiff(from: [], to: [0x61, 0xff, 0x0a]).lines.map(\.text) == ["@@ -0,0 +1 @@", "+a\u{fffd}"])
  }

  /// patch(1) of the result makes the second text of the first one, and there are no more changed lines than diff(1) has.
  @Test func patchMakesTheSecondTextOfTheFirst() throws {
    var generator = SeededGenerator(seed: 20_261_201)
    let directory = FilePath("/tmp/ast-diff-\(UUID().uuidString)")
    try runSuccessfully(["mkdir", directory.string])
    defer { _ = try? run(["rm", "-r", directory.string]) }
    for _ in 0..<60 {
      let old = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
        "\(Int.random(in: 0...12, using: &generator))"
      }
      var new = old
      for _ in 0..<Int.random(in: 0...8, using: &generator) {
        let place = Int.random(in: 0...new.count, using: &generator)
        if place < new.count, Bool.random(using: &generator) {
          new.remove(at: place)
        } else {
          new.insert("\(Int.random(in: 0...12, using: &generator))", at: place)
        }
      }
      let texts = [old, new].map { lines in
        lines.joined(separator: "\n") + (lines.isEmpty || Bool.random(using: &generator) ? "" : "\n")
      }
      let diff = lines(texts[0], texts[1])
      for (name, text) in [("old", texts[0]), ("new", texts[1])] {
        try Data(text.utf8).write(to: URL(filePath: directory.appending(name).string))
      }
      let patch = "--- old\n+++ old\n" + diff.map { "\($0)\n" }.joined()
      try Data(patch.utf8).write(to: URL(filePath: directory.appending("patch").string))
      if !diff.isEmpty { try runSuccessfully(["patch", "--silent", "--fuzz=0", "old", "patch"], in: directory) }
      // patch(1) deletes a file that becomes empty.
      let same = try run(["sh", "-c", "touch old; cmp old new"], in: directory)
      #expect(same.status == 0, "\(texts): \(diff)")
      func count(_ lines: [String]) -> Int { lines.count { $0.hasPrefix("-") || $0.hasPrefix("+") } }
      try Data(texts[0].utf8).write(to: URL(filePath: directory.appending("old").string))
      let minimal = try run(["diff", "--minimal", "-u", "old", "new"], in: directory).stdout
        .split(separator: "\n").dropFirst(2).map(String.init)
      #expect(count(diff) == count(minimal), "\(texts)")
    }
  }

  @Test func aLongWayIsReplacedAtOnce() {
    let old = (0..<5000).map { "a\($0)\n" }.joined()
    let new = (0..<5000).map { "b\($0)\n" }.joined()
    let diff = lines("x\n\(old)y\n", "x\n\(new)y\n")
    #expect(diff.count == 10_003 && diff[1] == " x" && diff[10_002] == " y")
  }
}
