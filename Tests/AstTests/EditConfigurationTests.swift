import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// `ast edit-conf` with the editors people set.
@Suite("edit-conf", .requiresRoot)
struct EditConfigurationTests {
  let store: TestStore
  /// For the editors.
  let directory: FilePath

  init() throws {
    store = try TestStore()
    try store.ast("new").expectSuccess()
    directory = try LoopBtrfs.shared.newDirectory()
  }

  /// Makes an editor from a script, whose `$1` is the file.
  private func editor(_ script: String, named name: String = "editor") throws -> FilePath {
    let path = directory.appending(name)
    try Data("#!/bin/sh\n\(script)\n".utf8).write(to: URL(filePath: path.string))
    try runSuccessfully(["chmod", "755", path.string])
    return path
  }

  private func edit(_ environment: [String: String]) throws -> CommandResult {
    try store.ast("edit-conf", "1", environment: environment)
  }

  private var settings: String {
    get throws { try run(["cat", "\(store.content(of: 1))/etc/ast/node.toml"]).stdout }
  }

  private var generation: Int { get throws { try store.report(NodeInfo.self, "info", "1").generation } }

  @Test func whatIsSavedIsTheNextGeneration() throws {
    let first = try edit(["EDITOR": try editor("echo 'updates.clone-before = true # 1' >\"$1\"").string])
    #expect(first.status == 0)
    #expect(first.stdout == "")
    #expect(first.stderr == "ast: node 1: changes kept as generation 2\n")
    #expect(try settings == "updates.clone-before = true # 1\n")
    // An editor may also replace the file, and it starts from what is there.
    let second = try edit(["EDITOR": try editor("sed 's/1/2/' \"$1\" >\"$1.new\"; mv \"$1.new\" \"$1\"").string])
    #expect(second.status == 0)
    #expect(try settings == "updates.clone-before = true # 2\n")
    let place = "\(try store.content(of: 1))/etc/ast"
    #expect(
      try runSuccessfully(["find", place, "-printf", "%P %y %m %U:%G\\n"]) == " d 755 0:0\nnode.toml f 644 0:0\n")
  }

  @Test func whatIsWrongIsKeptAndSaid() throws {
    let result = try edit(["EDITOR": try editor("echo 'updates.polcy = 1' >\"$1\"").string])
    #expect(result.status == 0)
    #expect(
      result.stderr.lines == [
        "ast: node 1: changes kept as generation 2",
        "ast: \(try store.content(of: 1))/etc/ast/node.toml: line 1, column 1: there is no setting updates.polcy",
      ])
    #expect(try settings == "updates.polcy = 1\n")
  }

  @Test func editorThatFailsChangesNothing() throws {
    let result = try edit(["EDITOR": try editor("echo 'a = 1' >\"$1\"; exit 3").string])
    #expect(result.status == 1)
    #expect(result.stderr.contains("exit status 3"))
    #expect(try generation == 1)
    #expect(try settings == "")
  }

  @Test func editorThatIsKilledChangesNothing() throws {
    let result = try edit(["EDITOR": try editor("echo 'a = 1' >\"$1\"; kill -KILL $$").string])
    #expect(result.status == 1)
    #expect(try generation == 1)
  }

  @Test func savingTheSameMakesNoGeneration() throws {
    for script in ["true", "cat \"$1\" >\"$1.new\"; mv \"$1.new\" \"$1\"", "touch \"$1\""] {
      let result = try edit(["EDITOR": try editor(script).string])
      #expect(result.status == 0)
      #expect(result.stderr == "ast: node 1: nothing was changed\n")
    }
    #expect(try generation == 1)
  }

  @Test func editorMayHaveSpacesAndOptions() throws {
    let path = try editor(
      "test \"$1\" = --wait && test \"$2\" = 'two words' && echo 'a = 1' >\"$3\"", named: "my editor")
    #expect(try edit(["EDITOR": "'\(path)' --wait 'two words'"]).status == 0)
    #expect(try settings == "a = 1\n")
  }

  @Test func visualComesBeforeEditor() throws {
    let good = try editor("echo visual >\"$1\"").string
    #expect(try edit(["VISUAL": good, "EDITOR": "false"]).status == 0)
    #expect(try settings == "visual\n")
  }

  @Test(arguments: [[:], ["EDITOR": ""], ["EDITOR": "", "VISUAL": ""]])
  func withoutASettingItIsTheSystemsEditor(variables: [String: String]) throws {
    _ = try editor("echo system >\"$1\"")
    let path = "\(directory):\(plainEnvironment["PATH"] ?? "")"
    #expect(try edit(variables.merging(["PATH": path]) { $1 }).status == 0)
    #expect(try settings == "system\n")
  }

  @Test func editorThatDoesNotExistIsAnError() throws {
    let result = try edit(["EDITOR": "/no/such/editor"])
    #expect(result.status == 1)
    #expect(try generation == 1)
  }

  @Test func editorHasTheTerminalAndItsKeys() throws {
    let script = """
      trap 'caught=1' INT
      echo ready-$((1+1))
      while test -z "$caught"; do sleep 0.05; done
      echo again-$((1+1))
      read -r line && echo "$line" >"$1"
      """
    let shell = try OuterShell(store)
    try shell.command("export EDITOR='\(editor(script))'")
    try shell.terminal.send("ast edit-conf 1\n")
    try shell.terminal.expect("ready-2")
    try shell.terminal.send("\u{3}")
    try shell.terminal.expect("again-2\r\n")
    try shell.terminal.send("# typed\n")
    #expect(try shell.returned(after: "# typed") == ["ast: node 1: changes kept as generation 2"])
    #expect(try shell.status() == "0")
    #expect(try settings == "# typed\n")
  }

  @Test func controlCThatEndsTheEditorDiscards() throws {
    let shell = try OuterShell(store)
    try shell.command("export EDITOR='\(editor("echo lost >\"$1\"; echo ready-$((1+1)); exec sleep 1000"))'")
    try shell.terminal.send("ast edit-conf 1\n")
    try shell.terminal.expect("ready-2")
    try shell.terminal.send("\u{3}")
    try shell.returned(after: "")
    #expect(try shell.status() == "1")
    #expect(try generation == 1)
  }

  @Test func filesOfTheEditorAreRemoved() throws {
    let note = directory.appending("name")
    try edit(["EDITOR": try editor("echo \"$1\" >'\(note)'; stat --format=%a \"$1\"").string]).expectSuccess()
    let file = try runSuccessfully(["cat", note.string]).split(separator: "\n").joined()
    #expect(file.hasPrefix("/tmp/ast-node-"))
    #expect(!FileManager.default.fileExists(atPath: file))
  }
}
