import FoundationEssentials
import SnapshotTree
import TestSupport
import Testing

/// Texts that do not name a node, and the exit status of a verb that gets one.
private let strangeNodes: [(text: String, status: Int32)] = [
  ("999", 3), ("2147483647", 3), ("-1", 2), ("2147483648", 3), ("99999999999999999999", 3), ("abc", 3), ("1x", 3),
  ("0x1", 3), ("1.0", 3), ("", 2), (" 1", 3), ("1 ", 3), ("01", 3), ("+1", 3), ("１", 3), ("1/../2", 3), ("../1", 3),
  ("tmp", 3), ("chr3", 3), ("nodes/1", 3),
]

/// Every verb that takes a node, with the node's place marked `@`.
private let verbsWithNode = [
  "info @", "list @", "diff @ 1", "diff 1 @", "history @", "desc @ text", "clone @", "branch @", "cbranch @",
  "ubranch @ 1", "ubranch 1 @",
  "clone-tree @", "del --yes @", "del --simulate @", "chroot @", "run @ true", "tree-run @ true", "edit-conf @",
  "undo @", "tag @ name", "restore @ /etc", "move @ --top", "move 1 --under @", "config -N @ --set updates.policy=off",
]

@Suite("Bad input", .requiresRoot)
struct BadInputTests {
  @Test func whatIsNotANodeIsRefusedAndNothingChanges() throws {
    let store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    let before = try store.state()
    for verb in verbsWithNode {
      // All of them for three verbs, and one of each kind for the others.
      let all = ["clone @", "del --yes @", "run @ true"].contains(verb)
      try expectRefusal(of: strangeNodes.filter { all || ["999", "-1", "abc", ""].contains($0.text) }, verb, store)
      #expect(try store.state() == before, "\(verb)")
    }
  }

  private func expectRefusal(of nodes: [(text: String, status: Int32)], _ verb: String, _ store: TestStore) throws {
    for (text, status) in nodes {
      let result = try store.ast(verb.split(separator: " ").map { $0 == "@" ? text : String($0) })
      // `run` and `chroot` return 125 for errors that are found after the command line was parsed.
      let expected = status == 3 && (verb.hasPrefix("run") || verb.hasPrefix("chroot")) ? 125 : status
      #expect(result.status == expected, "\(verb): \(text)")
      #expect(result.stdout.isEmpty, "\(verb): \(text)")
      #expect(
        result.stderr.hasPrefix("ast: ") && result.stderr.utf8.count { $0 == 10 } == 2,
        "\(verb): \(text): \(result.stderr)")
      let number = text.allSatisfy(\.isASCII) && Int32(text).map(String.init) == text
      if status == 3 {
        #expect(
          result.stderr
            == (number
              ? "ast: there is no node \(text)\n     `ast tree` shows the nodes\n"
              : "ast: there is no node “\(text)”\n     `ast tree` shows the nodes, with their descriptions\n"),
          "\(verb)")
      }
    }
  }

  @Test func usageErrorsSayWhatIsWrong() throws {
    let store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    let before = try store.state()
    let general = "`ast help` lists the verbs, `ast help VERB` explains one"
    let numbers = "nodes are numbered 0, 1, 2 and so on"
    let cases: [(arguments: [String], sentence: String)] = [
      (["info", "-1"], "-1 is not a node: \(numbers)"),
      (["upgrade", "-1"], "-1 is not a node: \(numbers)"),
      (["tree-upgrade", "--jobs", "-1", "1"], "--jobs: -1 is less than 1"),
      (["gc", "--keep", "-1"], "--keep: a node has at least 1 generation, its content"),
      (["ubranch", "1", "-1"], "-1 is not a node: \(numbers)"),
      (["info", "--json=x", "1"], "The option '--json' does not take any value, but 'x' was specified."),
      (["info", ""], "The value '' is invalid for '<node>'"),
      (["info"], "Missing expected argument '<node>'"),
      (["clone"], "Missing expected argument '<node>'"),
      (["ubranch", "1"], "Missing expected argument '<node>'"),
      (["info", "1", "2"], "Unexpected argument '2'"),
      (["del", "1", "2", "3"], "2 unexpected arguments: '2', '3'"),
      (["tree", "1"], "Unexpected argument '1'"),
      (["tmp", "x"], "Unexpected argument 'x'"),
      (["nope"], "there is no verb nope"),
      (["../tree"], "there is no verb ../tree"),
      (["--json", "nope"], "there is no verb nope"),
      (["tree", "--nope"], "Unknown option '--nope'. Did you mean '--store'?"),
      (["run", "1"], "a command to run in node 1 is missing"),
      (["run", "1", "--"], "a command to run in node 1 is missing"),
      (["tree-run", "1"], "a command to run in the tree of 1 is missing"),
      (["desc", "1"], "a description is missing"),
      (
        ["tag", "1", "D3"],
        "The value 'D3' is invalid for '<tag>': a tag begins with a small letter and holds small letters, digits, dots"
          + " and minus signs, at most 64; names such as d3 and t17 are not tags"
      ),
      (["tag", "1"], "a tag for 1 is missing"),
      (["tag", "--delete", "x", "1", "y"], "--delete takes no other argument"),
      (["restore", "1@1"], "Missing expected argument '<path> ...'"),
      (["restore", "-n", "--to", "/tmp", "1@1", "/etc"], "--to and --simulate exclude each other"),
      (["undo", "--to", "x", "1"], "The value 'x' is invalid for '--to <generation>'"),
      (["history", "--limit", "x"], "The value 'x' is invalid for '--limit <count>'"),
      (["history", "--limit=-1"], "a count cannot be -1"),
      (["info", "--wait=-1", "1"], "The value '-1' is invalid for '--wait <seconds>'"),
      (["info", "--wait=abc", "1"], "The value 'abc' is invalid for '--wait <seconds>'"),
      (["info", "--wait=nan", "1"], "The value 'nan' is invalid for '--wait <seconds>'"),
      (["info", "--wait=inf", "1"], "The value 'inf' is invalid for '--wait <seconds>'"),
      (["init", "--size", "0"], "The value '0' is invalid for '--size <size>'"),
      (["init", "--size", "1Q"], "The value '1Q' is invalid for '--size <size>'"),
      (["init", "--size", "9999999T"], "The value '9999999T' is invalid for '--size <size>'"),
      (["init", "--apt-option", "x"], "The value 'x' is invalid for '--apt-option <name=value>'"),
      (["init", "--suite", "a", "--tarball", "b"], "--suite, --tarball and --directory exclude each other"),
      (["init", "--directory", "a", "--tarball", "b"], "--suite, --tarball and --directory exclude each other"),
      (["init", "--suite", ""], "the suite is not a name"),
      (["init", "extra"], "Unexpected argument 'extra'"),
      (["undo", "--to", "\u{1B}]0;title\u{07}", "1"], "The value '␛]0;title␇' is invalid for '--to <generation>'"),
    ]
    for (arguments, sentence) in cases {
      let result = try store.ast(arguments)
      #expect(result.status == 2, "\(arguments)")
      if arguments.contains("--json") {
        #expect(try result.json["error"]["message"] == .text(sentence), "\(arguments)")
        continue
      }
      #expect(result.stdout.isEmpty, "\(arguments)")
      let lines = result.stderr.split(separator: "\n")
      #expect(lines.first.map(String.init) == "ast: \(sentence)", "\(arguments)")
      if arguments[0] == "tree" { #expect(result.stderr == "ast: \(sentence)\n     \(general)\n") }
    }
    #expect(try store.state() == before)
  }

  @Test func optionsMayStandAnywhereAndTheProgramsOwnStayWithIt() throws {
    let store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    #expect(try store.ast("-q", "info", "1").status == 0)
    #expect(try store.ast("info", "1", "--quiet").status == 0)
    #expect(try store.ast("--wait", "info", "1").status == 0)
    #expect(try store.ast("info", "--wait=0.5", "1").status == 0)
    #expect(try store.ast("run", "1", "ls", "--all", "-1", "--", "/root").stdout == ".\n..\n")
    #expect(try store.ast("run", "-q", "1", "--", "sh", "-c", "echo \"$0 $1\"", "-1", "--wait").stdout == "-1 --wait\n")
    #expect(try store.ast().status == 0)
  }

  @Test func theBaseIsNotChanged() throws {
    let store = try TestStore()
    let before = try store.state()
    let content = try TestStore.checksum(of: try store.content(of: 0))
    let cases: [(arguments: [String], status: Int32, sentence: String)] = [
      (["del", "--yes", "0"], 5, "node 0 is the base and cannot be deleted; nothing was changed"),
      (["del", "--simulate", "0"], 5, "node 0 is the base and cannot be deleted; nothing was changed"),
      (["run", "0", "touch", "/x"], 125, "node 0 is the base: only `ast base-update` changes it"),
      (["chroot", "0"], 125, "node 0 is the base: only `ast base-update` changes it"),
      (["tree-run", "0", "touch", "/x"], 5, "node 0 is the base: only `ast base-update` changes it"),
      (["edit-conf", "0"], 5, "node 0 is the base: only `ast base-update` changes it"),
      (["desc", "0", "mine"], 5, "node 0 is the base: its description does not change"),
      (["undo", "0"], 5, "node 0 has no earlier generation to go back to; nothing was changed"),
    ]
    for (arguments, status, sentence) in cases {
      let result = try store.ast(arguments, environment: ["EDITOR": "touch"])
      #expect(result.status == status, "\(arguments)")
      #expect(result.stdout.isEmpty, "\(arguments)")
      #expect(result.stderr.split(separator: "\n").first.map(String.init) == "ast: \(sentence)", "\(arguments)")
    }
    #expect(try store.state() == before)
    #expect(try TestStore.checksum(of: try store.content(of: 0)) == content)
  }

  @Test func undoNeedsAnEarlierGeneration() throws {
    let store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    let before = try store.state()
    for (arguments, status, sentence) in [
      (["undo", "1"], Int32(5), "node 1 has no earlier generation to go back to"),
      (["undo", "--to", "7", "1"], 3, "node 1 has no generation 7"),
      (["undo", "--to", "1", "1"], 5, "generation 1 is already the content of node 1"),
    ] {
      let result = try store.ast(arguments)
      #expect(result.status == status, "\(arguments)")
      #expect(result.stderr.hasPrefix("ast: \(sentence); nothing was changed\n"), "\(result.stderr)")
    }
    #expect(try store.state() == before)
  }

  @Test func aDeletionNeedsAYes() throws {
    let store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    let before = try store.state()
    let result = try store.ast("del", "1", input: "y\n")
    #expect(result.status == 2)
    #expect(
      result.stderr == "ast: this needs confirmation, and there is no terminal; nothing was changed\n     use `-y`\n"
    )
    #expect(try store.ast("del", "--simulate", "1").expectSuccess().stdout == "Would be deleted:\n  1 - clone of 0\n")
    #expect(try store.state() == before)
  }
}
