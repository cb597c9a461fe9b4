import TestSupport
import Testing

/// The verbs that are made without the parser if they stand alone: the parser makes the same of them.
@Suite(.requiresRoot) struct PlainVerbTests {
  @Test(arguments: ["tree", "current", "status", "version"])
  func theParserMakesTheSame(verb: String) throws {
    let store = try TestStore()
    try store.ast("clone", "0", "one").expectSuccess()
    let settings = try LoopBtrfs.shared.newDirectory().appending("ast.toml")
    try runSuccessfully(["sh", "-c", "echo 'keep = 3' >$0", settings.string])
    for variables in [[:], ["AST_CONFIG": settings.string], ["AST_STORE": "/nowhere"], ["AST_STORE": ""]] {
      let plain = try store.ast([verb], environment: variables)
      let parsed = try store.ast([verb, "--yes"], environment: variables)
      #expect(
        plain.stdout.lines.filter { !$0.contains("Space") } == parsed.stdout.lines.filter { !$0.contains("Space") })
      #expect(plain.stderr == parsed.stderr && plain.status == parsed.status)
    }
  }
}
