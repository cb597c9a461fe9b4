import TestSupport
import Testing

/// What `--wait` takes for its seconds.
@Suite("--wait", .requiresRoot)
struct WaitOptionTests {
  /// Words that are accepted: what they come to is the work of the verb.
  @Test(arguments: [
    "--wait info 1", "--wait=forever info 1", "info --wait=3 1", "info 1 --wait", "info 1 --wait 3", "--wait 3 info 1",
    "--wait 0.5 info 1", "info 1 --wait 0", "info --wait 3 1", "tree --wait 3", "history --wait 3",
    "history --wait 3 1",
    "history 1 --limit 1 --wait 3", "du --wait 3", "check --wait 3", "diff --wait 3 0 1", "diff 0 --wait 3 1",
    "diff 0 1 --wait 3", "diff --wait 3 1", "diff 1 --wait 3", "info one --wait 3", "info --wait 3 one", "new --wait 3",
    "desc 1 --wait 3 one",
    "desc --wait 3 1 one", "run --wait 3 1 true", "run 1 true --wait 3", "--wait run 1 true", "-y --wait 3 undo 1",
    "undo --operation t3 --wait 3", "undo --wait 3 --operation=t3",
    "--wait 3", "--wait", "desc 1 --wait 1e15 one", "desc 1 --wait=1e300 one",
  ])
  func isAccepted(line: String) throws {
    let store = try TestStore()
    try store.ast("clone", "0", "one").expectSuccess()
    try store.ast("run", "1", "touch", "/first").expectSuccess()
    try store.ast(line.split(separator: " ").map(String.init)).expectSuccess()
  }

  /// Words in which the number may be the node, and the two ways to type what is meant.
  @Test(arguments: [
    ("deploy --wait 3", "deploy --wait=3 NODE", "deploy --wait=forever 3"),
    ("info --wait 3", "info --wait=3 NODE", "info --wait=forever 3"),
    ("-q undo --to 1 --wait 3 --json", "-q undo --to 1 --wait=3 NODE --json", "-q undo --to 1 --wait=forever 3 --json"),
    ("diff --wait 3", "diff --wait=3 FIRST", "diff --wait=forever 3"),
    ("pin --wait 3", "pin --wait=3 DEPLOYMENT", "pin --wait=forever 3"),
    ("install --wait 3 nginx", "install --wait=3 NODE nginx", "install --wait=forever 3 nginx"),
    ("i --max-removals 3 --wait 1 x", "i --max-removals 3 --wait=1 NODE x", "i --max-removals 3 --wait=forever 1 x"),
    ("tree-upgrade -j 2 --wait 3", "tree-upgrade -j 2 --wait=3 NODE", "tree-upgrade -j 2 --wait=forever 3"),
    ("desc --wait 3 web server", "desc --wait=3 NODE web server", "desc --wait=forever 3 web server"),
    ("run --wait 3 ls -l", "run --wait=3 NODE ls -l", "run --wait=forever 3 ls -l"),
  ])
  func isRefusedWhereItMayBeTheNode(line: String, asSeconds: String, asNode: String) throws {
    let result = try run([AstBinary.path.string, "--store=/nonexistent"] + line.split(separator: " ").map(String.init))
    #expect(result.status == 2)
    let shown = "--store=/nonexistent"
    let hint = "type `ast \(shown) \(asSeconds)` or `ast \(shown) \(asNode)`"
    if line.hasSuffix("--json") {
      #expect(try result.json["error"]["hint"] == .text(hint))
    } else {
      #expect(result.stderr.lines.last == "     \(hint)")
    }
    // Both are understood: they fail because there is no store.
    for way in [asSeconds, asNode] {
      let words = way.split(separator: " ").map(String.init)
      let status = try run([AstBinary.path.string, "--store=/nonexistent"] + words).status
      #expect(status == (way.hasPrefix("run") ? 125 : 3), "\(way)")
    }
  }

  @Test(arguments: ["-1", "abc", "nan", "inf", "5m", "-0.5"])
  func noOtherValueIsATime(value: String) throws {
    let result = try run([AstBinary.path.string, "--store=/nonexistent", "info", "--wait=\(value)", "1"])
    #expect(result.status == 2)
    #expect(result.stderr.lines.first == "ast: The value '\(value)' is invalid for '--wait <seconds>'")
  }

  @Test func aNegativeNumberAfterItIsRefused() throws {
    let result = try run([AstBinary.path.string, "--store=/nonexistent", "info", "--wait", "-1", "1"])
    #expect(result.status == 2)
    #expect(result.stderr.lines.first == "ast: The value '-1' is invalid for '--wait <seconds>'")
  }
}
