import Testing

@testable import Nodes

@Suite("Spelling")
struct SpellingTests {
  @Test(arguments: [
    ("tree", "tree", 0), ("tre", "tree", 1), ("treee", "tree", 1), ("trea", "tree", 1), ("rtee", "tree", 1),
    ("", "tree", 4), ("tree", "", 4), ("ca", "abc", 3), ("deploi", "deploy", 1), ("udno", "undo", 1),
  ])
  func mistakesAreCounted(typed: String, meant: String, mistakes: Int) {
    #expect(Spelling.mistakes(in: Array(typed), for: Array(meant)) == mistakes)
  }

  @Test func theNearestIsOfferedOnlyWhereItIsNear() {
    let verbs = ["clone", "clone-tree", "tree", "undo"]
    #expect(Spelling.nearest(to: "clnoe", in: verbs) { $0 } == "clone")
    #expect(Spelling.nearest(to: "x", in: ["y", "yy"]) { $0 } == "y")
    #expect(Spelling.nearest(to: "install", in: verbs) { $0 } == nil)
    #expect(Spelling.nearest(to: "clone", in: []) { $0 } == nil)
  }
}
