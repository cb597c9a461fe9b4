import FoundationEssentials
import Settings
import TestSupport
import Testing

/// `ast config --set` and `--unset`.
@Suite("config --set", .requiresRoot) struct ConfigChangeTests {
  let store: TestStore

  init() throws {
    store = try TestStore()
    try store.ast("clone", "0", "web").expectSuccess()
  }

  private func config(_ arguments: String...) throws -> CommandResult {
    try store.ast(["config", "-N", "1"] + arguments)
  }

  private var text: String { get throws { try run(["cat", "\(store.content(of: 1))/etc/ast/node.toml"]).stdout } }

  private var generation: Int { get throws { try store.report(NodeInfo.self, "info", "1").generation } }

  @Test func aSettingIsInEffectAndTheRestStays() throws {
    let result = try config("--set", "updates.policy=off", "--set", "boot.kernel-arguments=quiet console=ttyS0,115200")
    #expect((result.status, result.stdout) == (0, ""), "\(result)")
    #expect(result.stderr == "ast: node 1: changes kept as generation 2\n")
    let expected = Settings.template(of: .node).replacing(
      "#policy = \"check\"\n", with: "#policy = \"check\"\npolicy = \"off\"\n"
    ).replacing(
      "#kernel-arguments = []\n",
      with: "#kernel-arguments = []\nkernel-arguments = [\"quiet\", \"console=ttyS0,115200\"]\n")
    #expect(try text == expected)
    #expect(try config("updates.policy").stdout == "off\n")
    #expect(try config("boot.kernel-arguments").stdout == "quiet\nconsole=ttyS0,115200\n")
    let shown = try config().expectSuccess().stdout.lines
    #expect(shown[0].hasPrefix("updates.policy = \"off\" ") && shown[0].contains("/etc/ast/node.toml:"), "\(shown)")
    // By its description, and back again.
    try store.ast("config", "--unset", "updates.policy", "--node", "web", "--unset", "boot.kernel-arguments")
      .expectSuccess()
    #expect(try text == Settings.template(of: .node))
    #expect(try store.ast("undo", "1").status == 0)
    #expect(try config("updates.policy").stdout == "off\n")
    #expect(try store.ast("history", "--limit", "2", "1").stdout.contains("ast config --unset updates.policy"))
  }

  @Test func commentsAndOtherLinesAreKept() throws {
    try store.ast(
      "run", "1", "sh", "-c",
      #"mkdir -p /etc/ast; printf '# mine\nhooks.skip = ["a"] # why\n[updates]\npolicy = "stage" # now\n' >/etc/ast/node.toml; chmod 600 /etc/ast/node.toml"#
    ).expectSuccess()
    try config("--set", "updates.policy=\"off\"", "--set", "updates.clone-before=true", "--unset", "hooks.skip")
      .expectSuccess()
    #expect(try text == "# mine\n[updates]\npolicy = \"off\" # now\nclone-before = true\n")
    let place = "\(try store.content(of: 1))/etc/ast"
    #expect(
      try runSuccessfully(["find", place, "-printf", "%P %y %m %U:%G\\n"]) == " d 755 0:0\nnode.toml f 600 0:0\n")
  }

  @Test func whatIsThereAlreadyIsNoChange() throws {
    try config("--set", "updates.policy=off").expectSuccess()
    for arguments in [
      ["--set", "updates.policy=off"], ["--unset", "updates.only"], ["--set", "updates.policy='off'"],
    ] {
      let result = try store.ast(["config", "-N", "1"] + arguments)
      #expect((result.status, result.stderr) == (0, "ast: node 1: nothing was changed\n"), "\(arguments)")
    }
    #expect(try generation == 2)
    // A file is not made for nothing.
    try store.ast("new").expectSuccess()
    try store.ast("config", "-N", "2", "--unset", "updates.policy").expectSuccess()
    #expect(try store.report(NodeInfo.self, "info", "2").generation == 1)
  }

  @Test func jsonIsThatOfTheOtherVerbsThatWorkInNodes() throws {
    let object = try store.ast("--json", "config", "-N", "1", "--set", "updates.policy=off").expectSuccess().json
    #expect(object["data"].keys == ["effect", "generation", "node", "status"])
    #expect(object["data"]["generation"] == .number(2) && object["transaction"] == .text("3"))
  }

  @Test func badInput() throws {
    let keys =
      "     a node can have updates.policy, updates.only, updates.clone-before, boot.kernel-arguments, boot.sign-modules, hooks.skip"
    let cases: [(arguments: [String], status: Int32, lines: [String])] = [
      (
        ["-N", "1", "--set", "updates.polcy=off"], 2,
        ["ast: there is no setting updates.polcy; nothing was changed", keys]
      ), (["-N", "1", "--unset", "x"], 2, ["ast: there is no setting x; nothing was changed", keys]),
      (
        ["-N", "1", "--set", "gc.keep-days=5"], 2,
        ["ast: a node has no gc.keep-days of its own: it is a setting of the machine; nothing was changed", keys]
      ),
      (
        ["-N", "1", "--set", "updates.policy=never"], 2,
        [
          "ast: updates.policy is to be one of \"off\", \"check\", \"stage\", \"deploy\"; nothing was changed",
          "     see ast.toml(5)",
        ]
      ),
      (
        ["-N", "1", "--set", "boot.kernel-arguments=root=/dev/sda"], 2,
        [
          "ast: boot.kernel-arguments cannot have \"root=/dev/sda\": root is what ast itself decides about; nothing was changed",
          "     see ast.toml(5)",
        ]
      ),
      // The first is right, and nothing is done all the same.
      (
        ["-N", "1", "--set", "updates.only=security", "--set", "updates.clone-before=2"], 2,
        ["ast: updates.clone-before is to be true or false; nothing was changed", "     see ast.toml(5)"]
      ),
      (
        ["-N", "1", "--set", "updates.policy"], 2,
        ["ast: The value 'updates.policy' is invalid for '--set <setting=value>'"]
      ), (["-N", "1", "--set", "=off"], 2, ["ast: The value '=off' is invalid for '--set <setting=value>'"]),
      (["-N", "1", "--set"], 2, ["ast: Missing value for '--set <setting=value>'"]),
      (
        ["--set", "updates.policy=off"], 2,
        ["ast: --set and --unset need -N: the machine's settings are in /etc/ast/ast.toml"]
      ),
      (
        ["-N", "1", "--set", "updates.policy=off", "updates.only"], 2, ["ast: --set and --unset take no other argument"]
      ),
      (
        ["-N", "1", "--set", "updates.policy=off", "--unset", "updates.policy"], 2,
        ["ast: updates.policy is there twice"]
      ),
      (
        ["-N", "1", "--set", "updates.policy=off", "--set", "updates.policy=stage"], 2,
        ["ast: updates.policy is there twice"]
      ),
      (["-N", "0", "--set", "updates.policy=off"], 5, ["ast: node 0 is the base: only `ast base-update` changes it"]),
      (["-N", "9", "--set", "updates.policy=off"], 3, ["ast: there is no node 9"]),
    ]
    let before = try store.state()
    for (arguments, status, lines) in cases {
      let result = try store.ast(["config"] + arguments)
      #expect(result.status == status && result.stdout.isEmpty, "\(arguments): \(result)")
      #expect(Array(result.stderr.lines.prefix(lines.count)) == lines, "\(arguments)")
    }
    #expect(try store.astAsNobody(["config", "-N", "1", "--set", "updates.policy=off"]).status == 1)
    #expect(try store.state() == before)
  }

  @Test func aFileWithFaultsIsNotTouched() throws {
    for (content, reason) in [
      ("[updates]\npolicy = maybe\n", "line 2, column 10: “maybe” is not a value"),
      (
        "updates = { policy = \"off\" }\n",
        "line 1, column 1: updates is a table on one line, which is not changed key by key"
      ),
    ] {
      try store.ast("run", "1", "sh", "-c", "mkdir -p /etc/ast; printf '%s' \"$0\" >/etc/ast/node.toml", content)
        .expectSuccess()
      let path = "\(store.root)/nodes/1/\(try generation)/etc/ast/node.toml"
      let result = try config("--set", "updates.policy=off")
      #expect(result.status == 2)
      #expect(
        result.stderr.lines == [
          "ast: \(path): \(reason); nothing was changed", "     `ast edit-conf 1` opens the file",
        ])
      #expect(try text == content)
    }
  }
}
