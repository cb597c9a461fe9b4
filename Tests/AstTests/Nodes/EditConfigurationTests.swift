import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// `ast edit-conf` with the editors people set.
@Suite("edit-conf", .requiresRoot)
struct EditConfigurationTests {
  let store: TestStore
  /// The directory of the editors.
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
    // An editor may also replace the file, and it starts from the existing text.
    let second = try edit(["EDITOR": try editor("sed 's/1/2/' \"$1\" >\"$1.new\"; mv \"$1.new\" \"$1\"").string])
    #expect(second.status == 0)
    #expect(try settings == "updates.clone-before = true # 2\n")
    let place = "\(try store.content(of: 1))/etc/ast"
    #expect(
      try runSuccessfully(["find", place, "-printf", "%P %y %m %U:%G\\n"]) == " d 755 0:0\nnode.toml f 644 0:0\n")
  }

  /// The kept file that an error names.
  private func draft(in lines: [String]) throws -> String { try #require(lines.draft) }

  private func draft(in result: CommandResult) throws -> String { try draft(in: result.stderr.lines) }

  /// Its content; the file is removed.
  private func takeDraft(_ draft: String) throws -> String {
    defer { unlink(draft) }
    return try String(contentsOfFile: draft, encoding: .utf8)
  }

  @Test(arguments: [
    ("updates.polcy = 1", "line 1, column 1: there is no setting updates.polcy"),
    (
      "\n[boot]\n  kernel-arguments = [\"quiet\", \"root=/dev/sda1\"]",
      "line 3, column 3: boot.kernel-arguments cannot have \"root=/dev/sda1\": root is what ast itself decides about"
    ),
    (
      "[hooks]\nskip = [\"keep-ssh\", \"../sh\"]",
      "line 2, column 1: hooks.skip cannot have \"../sh\": the name of a hook has letters, digits, \"_\" and \"-\" only"
    ),
    (
      "[updates]\nmotd = true",
      "line 2, column 1: a node has no updates.motd of its own: it is a setting of the machine"
    ),
    ("# \(String(repeating: "x", count: 16 << 10))", "it is larger than 16 KiB"),
  ])
  func whatIsWrongIsRefusedAndNotLost(text: String, reason: String) throws {
    try Data(text.utf8).write(to: URL(filePath: directory.appending("text").string))
    let before = try StoreContents(store)
    let result = try edit(["EDITOR": try editor("cat '\(directory)/text' >\"$1\"").string])
    #expect(result.status == 2)
    let draft = try draft(in: result)
    #expect(
      result.stderr.lines == [
        "ast: \(draft): \(reason); nothing was changed", "     what you typed is in \(draft); see ast.toml(5)",
      ])
    #expect(try String(contentsOfFile: draft, encoding: .utf8) == text)
    #expect(try StoreContents(store) == before)
    #expect(try store.lastOperation(of: 1).state == "failed")
    // The kept file can be saved later.
    try runSuccessfully(["sh", "-c", "echo '# right' >\(draft)"])
    try edit(["EDITOR": "cp \(draft)"]).expectSuccess()
    #expect(try settings == "# right\n")
    try runSuccessfully(["rm", draft])
  }

  @Test func whoeverIsAtATerminalCanEditItAgain() throws {
    let wrong = "updates.polcy = \"off\""
    let script = "if grep -q polcy \"$1\"; then sed -i s/polcy/policy/ \"$1\"; else echo '\(wrong)' >\"$1\"; fi"
    let shell = try OuterShell(store)
    try shell.command("export EDITOR='\(editor(script))'")
    try shell.terminal.send("ast edit-conf 1\n")
    try shell.terminal.expect(": line 1, column 1: there is no setting updates.polcy. Edit it again? [Y/n] ")
    try shell.terminal.send("\n")
    #expect(try shell.returned(after: "").last == "ast: node 1: changes kept as generation 2")
    #expect(try settings == "updates.policy = \"off\"\n")
  }

  @Test func whoeverHasEnoughKeepsWhatWasTyped() throws {
    let shell = try OuterShell(store)
    try shell.command("export EDITOR='\(editor("echo typed >\"$1\""))'")
    try shell.terminal.send("ast edit-conf 1\n")
    try shell.terminal.expect(". Edit it again? [Y/n] ")
    try shell.terminal.send("n\n")
    let draft = try draft(in: shell.returned(after: "n"))
    #expect(try shell.status() == "2")
    #expect(try generation == 1)
    #expect(try takeDraft(draft) == "typed\n")
  }

  @Test func nodeWithoutSettingsBeginsWithWhatThereIsToChoose() throws {
    let script = "grep -c '^#[a-z-]* = ' \"$1\" >'\(directory)/seen'; sed -i 's/^#policy.*/policy = \"off\"/' \"$1\""
    try edit(["EDITOR": try editor(script).string]).expectSuccess()
    #expect(try String(contentsOfFile: directory.appending("seen").string, encoding: .utf8) == "6\n")
    #expect(try settings.lines.filter { !$0.hasPrefix("#") } == ["[updates]", "policy = \"off\"", "[boot]", "[hooks]"])
  }

  /// A file that was damaged in another way can be opened and repaired.
  @Test func whatWasWrongBeforeCanBePutRight() throws {
    try store.ast("run", "1", "sh", "-c", "mkdir -p /etc/ast; echo wrong >/etc/ast/node.toml").expectSuccess()
    let looked = try edit(["EDITOR": "true"])
    #expect((looked.status, looked.stderr) == (0, "ast: node 1: nothing was changed\n"))
    try edit(["EDITOR": try editor("sed -i 's/^/# /' \"$1\"").string]).expectSuccess()
    #expect(try settings == "# wrong\n")
  }

  @Test func editorThatFailsChangesNothing() throws {
    let result = try edit(["EDITOR": try editor("echo 'a = 1' >\"$1\"; exit 3").string])
    #expect(result.status == 1)
    #expect(result.stderr.contains("exit status 3"))
    #expect(try takeDraft(draft(in: result)) == "a = 1\n")
    #expect(try generation == 1)
    #expect(try settings == "")
  }

  @Test func editorThatIsKilledChangesNothing() throws {
    let result = try edit(["EDITOR": try editor("echo 'a = 1' >\"$1\"; kill -KILL $$").string])
    #expect(result.status == 1)
    #expect(try generation == 1)
    #expect(try takeDraft(draft(in: result)) == "a = 1\n")
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
      "test \"$1\" = --wait && test \"$2\" = 'two words' && echo '# a' >\"$3\"", named: "my editor")
    #expect(try edit(["EDITOR": "'\(path)' --wait 'two words'"]).status == 0)
    #expect(try settings == "# a\n")
  }

  @Test func visualComesBeforeEditor() throws {
    let good = try editor("echo '# visual' >\"$1\"").string
    #expect(try edit(["VISUAL": good, "EDITOR": "false"]).status == 0)
    #expect(try settings == "# visual\n")
  }

  @Test(arguments: [[:], ["EDITOR": ""], ["EDITOR": "", "VISUAL": ""]])
  func withoutASettingItIsTheSystemsEditor(variables: [String: String]) throws {
    _ = try editor("echo '# system' >\"$1\"")
    let path = "\(directory):\(plainEnvironment["PATH"] ?? "")"
    #expect(try edit(variables.merging(["PATH": path]) { $1 }).status == 0)
    #expect(try settings == "# system\n")
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
    let said = try shell.returned(after: "")
    #expect(try shell.status() == "1")
    #expect(try generation == 1)
    #expect(try takeDraft(draft(in: said)) == "lost\n")
  }

  @Test func filesOfTheEditorAreRemoved() throws {
    let note = directory.appending("name")
    try edit(["EDITOR": try editor("echo \"$1\" >'\(note)'; stat --format=%a \"$1\"").string]).expectSuccess()
    let file = try runSuccessfully(["cat", note.string]).split(separator: "\n").joined()
    #expect(file.hasPrefix("/tmp/ast-node-"))
    #expect(!FileManager.default.fileExists(atPath: file))
  }

  @Test func anEditorThatIsNotThereIsNamed() throws {
    let result = try edit(["EDITOR": "nonsense --wait"])
    #expect(result.status == 1)
    #expect(
      result.stderr.lines.suffix(2) == [
        "ast: the editor `nonsense --wait`: `sh` failed (exit status 127); nothing was changed",
        "     the variables VISUAL and EDITOR name another one",
      ], "\(result)")
  }

  /// The next edit-conf removes the file of one that was killed, unless something was typed.
  @Test func whatAKilledCommandLeavesIsFound() throws {
    func killed(_ script: String) throws -> String {
      let seen = directory.appending("seen")
      unlink(seen.string)
      let program = "\(script); echo \"$1\" >\(seen); while :; do sleep 1; done"
      let command = try store.start(["edit-conf", "1"], environment: ["EDITOR": try editor(program).string])
      try eventually("the editor") {
        (try? String(contentsOfFile: seen.string, encoding: .utf8))?.hasSuffix("\n") == true
      }
      kill(command.pid, SIGKILL)
      _ = try command.wait()
      return String(try String(contentsOfFile: seen.string, encoding: .utf8).dropLast())
    }
    let untouched = try killed(":")
    let typed = try killed("echo typed >\"$1\"")
    #expect(access(untouched, F_OK) != 0)
    let result = try edit(["EDITOR": "true"]).expectSuccess()
    #expect(
      result.stderr.lines.first
        == "ast: warning: \(typed) has what was typed in an `ast edit-conf 1` that was killed", "\(result)")
    #expect(try takeDraft(typed) == "typed\n")
    #expect(try edit(["EDITOR": "true"]).expectSuccess().stderr == "ast: node 1: nothing was changed\n")
  }
}

extension [String] {
  /// The file that `edit-conf` says it has kept.
  fileprivate var draft: String? {
    last { $0.hasPrefix("     what you typed is in ") }?.dropFirst(26).split(separator: ";").first.map(String.init)
  }
}

extension CommandResult {
  /// Removes the file that a failed `edit-conf` has kept.
  func removeDraft() {
    if let draft = stderr.lines.draft { unlink(draft) }
  }
}
