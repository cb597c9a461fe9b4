import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// Maintainer scripts, and the administrator's hooks.
@Suite("Maintainer scripts and hooks", .requiresRoot, .serialized)
struct PackageScriptTests {
  private static let reading = DebPackage(
    "reading", scripts: [.postinst: "if read answer; then echo \"<$answer>\"; else echo end; fi >/root/heard"])
  private static let asking = DebPackage(
    "asking",
    files: [
      "/usr/share/asking/templates":
        "Template: asking/colour\nType: string\nDefault: blue\nDescription: Which colour?\n"
    ],
    scripts: [
      .postinst: """
      . /usr/share/debconf/confmodule
      db_x_loadtemplatefile /usr/share/asking/templates asking
      db_input critical asking/colour || true
      db_go
      db_get asking/colour
      echo "$RET" >/root/colour
      db_stop
      """
    ])
  private static let daemon = DebPackage(
    "daemon", scripts: [.postinst: "sleep 1000 & setsid sh -c 'exec sleep 1001' </dev/null >/dev/null 2>&1 &"])
  private static let service = DebPackage(
    "service-starter",
    files: [
      "/etc/init.d/starter": .init(
        "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: starter\n# Default-Start: 2\n# Default-Stop: 0\n### END INIT INFO\n"
          + "[ \"$1\" != start ] || setsid sleep 1000 &\n", mode: .init(rawValue: 0o755))
    ],
    scripts: [
      .postinst: """
      update-rc.d starter defaults
      invoke-rc.d starter start
      service starter start
      systemctl start starter
      ! systemctl is-active starter
      ! test -d /run/systemd/system
      """
    ])
  private static let boot = DebPackage(
    "boot",
    scripts: [
      .postinst: """
      update-grub
      update-grub2
      grub-install /dev/sda
      grub-mkconfig -o /boot/grub/grub.cfg
      test ! -e /dev/sda
      test ! -e /boot/grub/grub.cfg
      """
    ])
  /// Packages that take over a file, each in its way: what is to be there afterwards, in the words of a test.
  private static let takers: [(package: DebPackage, test: String)] = [
    (DebPackage("linking", scripts: [.postinst: "ln -sf ../run/a/resolv.conf /etc/resolv.conf"]), "-L etc/resolv.conf"),
    (DebPackage("moving", scripts: [.postinst: "mv /etc/resolv.conf /etc/resolv.conf.old"]), "-f etc/resolv.conf.old"),
    (
      DebPackage(
        "diverting", files: ["/etc/resolv.conf": "nameserver 192.0.2.1\n"],
        scripts: [.preinst: "dpkg-divert --package diverting --add --rename /etc/resolv.conf"]),
      "-f etc/resolv.conf.distrib"
    ),
    (
      DebPackage("policy", files: ["/usr/sbin/policy-rc.d": .init("#!/bin/sh\n", mode: .init(rawValue: 0o755))]),
      "-s usr/sbin/policy-rc.d"
    ),
  ]
  private static let tool = DebPackage("tool", files: ["/usr/share/tool": "hammer\n"])

  private static let packages = Result {
    try PackageStore(publishing: [reading, asking, daemon, service, boot, tool] + takers.map(\.package))
  }

  let node: PackageNode

  init() throws { node = try PackageNode(in: Self.packages.get()) }

  // MARK: Scripts

  @Test func scriptThatReadsGetsTheEnd() throws {
    let result = try node.store.ast(["install", "\(node.id)", "reading"], input: "typed\nwords\n")
    #expect(result.status == 0)
    #expect(try node.text(of: "root/heard") == "end\n")
  }

  @Test func questionOfAPackageGetsItsDefault() throws {
    try node.ast("install", "asking").expectSuccess()
    #expect(try node.text(of: "root/colour") == "blue\n")
  }

  @Test func questionDoesNotGoToTheTerminal() throws {
    let terminal = try PseudoTerminal(
      [AstBinary.path.string, "-y", "install", "\(node.id)", "asking", "reading"],
      environment: plainEnvironment.merging(["AST_STORE": node.store.root.string]) { $1 })
    try terminal.expect("Node \(node.id): 2 installed, generation 2.\r\n", timeout: 60)
    #expect(try terminal.waitForExit() == 0)
    #expect(try node.text(of: "root/colour") == "blue\n")
    #expect(try node.text(of: "root/heard") == "end\n")
  }

  @Test(arguments: ["daemon", "service-starter"])
  func whatAScriptStartsIsGoneAfterwards(package: String) throws {
    try node.ast("install", package).expectSuccess()
    #expect(try node.store.processes(in: node.id) == [])
    #expect(try node.added() == ["\(package):all 1.0"])
    try node.expectUntouched(since: node.state())
  }

  @Test func bootLoaderProgramsDoNothing() throws {
    try node.ast("install", "boot").expectSuccess()
    #expect(try node.added() == ["boot:all 1.0"])
  }

  @Test(arguments: takers.map(\.package.name))
  func packageTakesOverAFileThatAstNeeds(package: String) throws {
    let taker = try #require(Self.takers.first { $0.package.name == package })
    try node.ast("install", package).expectSuccess()
    try runSuccessfully(["sh", "-c", "test \(taker.test)"], in: node.content)
    #expect(try run(["test", "-e", "usr/sbin/policy-rc.d"], in: node.content).status == (package == "policy" ? 0 : 1))
    try node.ast("remove", package).expectSuccess()
    #expect(try run(["test", "-e", "usr/sbin/policy-rc.d"], in: node.content).status == 1)
  }

  // MARK: Hooks

  /// A directory with hooks that print their arguments and environment, and with files that are not hooks.
  private func hooks(_ scripts: [String: String]) throws -> FilePath {
    let directory = try LoopBtrfs.shared.newDirectory()
    for (name, script) in scripts {
      let file = directory.appending(name)
      try Data("#!/bin/sh\n\(script)\n".utf8).write(to: URL(filePath: file.string))
      try runSuccessfully(["chmod", name == "40-not-executable" ? "644" : "755", file.string])
    }
    return directory
  }

  private static let telling = """
    [ -e "$AST_ROOT/usr/share/tool" ] && tool=there || tool=missing
    echo "${0##*/} $* node $AST_NODE $tool" >>"${0%/*}/calls"
    [ "$1" = pre ] || echo "$AST_OPERATION" >"$AST_ROOT/etc/hooked"
    """

  private func calls(_ directory: FilePath) throws -> [String] {
    try String(contentsOfFile: directory.appending("calls").string, encoding: .utf8).lines
  }

  @Test func hooksAreRunInOrderBeforeAndAfter() throws {
    let directory = try hooks([
      "20-second": Self.telling, "10-first": Self.telling, "30-notes.txt": "exit 1", "40-not-executable": "exit 1",
      "50-old~": "exit 1",
    ])
    try runSuccessfully(["mkdir", directory.appending("60-directory").string])
    let result = try node.ast("install", "--json", "tool", environment: ["AST_HOOKS": directory.string])
    #expect(result.status == 0, "\(result)")
    let told = "install node \(node.id)"
    #expect(
      try calls(directory) == [
        "10-first pre \(told) missing", "20-second pre \(told) missing", "10-first post \(told) there",
        "20-second post \(told) there",
      ])
    // The changes of a hook in the clone are part of the transaction.
    #expect(try node.text(of: "etc/hooked").map { .text(String($0.dropLast())) } == result.json["transaction"])
    // Hooks run with changes, but not with simulations, or if there is nothing to do.
    try node.ast("install", "-n", "boot", environment: ["AST_HOOKS": directory.string]).expectSuccess()
    try node.ast("install", "tool", environment: ["AST_HOOKS": directory.string]).expectSuccess()
    #expect(try calls(directory).count == 4)
    try node.ast("remove", "tool", environment: ["AST_HOOKS": directory.string]).expectSuccess()
    #expect(try calls(directory).dropFirst(4).first == "10-first pre remove node \(node.id) there")
  }

  @Test(arguments: ["pre", "post"])
  func hookThatFailsDiscardsTheChange(stage: String) throws {
    let directory = try hooks([
      "10-first": Self.telling, "20-strict": "echo forbidden on Fridays >&2; [ $1 != \(stage) ]",
      "30-last": Self.telling,
    ])
    let before = try node.state()
    let result = try node.ast("install", "tool", environment: ["AST_HOOKS": directory.string])
    #expect(result.status == 1)
    #expect(
      result.said.dropLast().last
        == "ast: the hook \(directory)/20-strict refused the change of node \(node.id) (\(stage));"
        + " the changes are discarded")
    let log = result.said.last?.split(separator: " ").last.map(String.init) ?? ""
    #expect(try String(contentsOfFile: log, encoding: .utf8).contains("forbidden on Fridays\n"))
    #expect(try calls(directory).last?.hasPrefix("10-first \(stage) ") == true)
    #expect(try node.store.lastOperation(of: node.id).state == "failed")
    try node.expectUntouched(since: before)
  }

  /// The example in the Debian package.
  @Test func exampleKeepsTheServerThatOneLogsInWith() throws {
    let robber = DebPackage("robber", scripts: [.postinst: "rm -f /usr/sbin/sshd"])
    let node = try PackageNode(in: node.store, publishing: [robber])
    let examples = Checkout.directory.appending("install/examples/hooks.d").string
    try node.shell("touch /usr/sbin/sshd; chmod +x /usr/sbin/sshd")
    let result = try node.ast("install", "robber", environment: ["AST_HOOKS": examples])
    #expect(result.status == 1)
    #expect(
      result.stderr.contains(
        "the hook \(examples)/keep-ssh refused the change of node \(node.id) (post); the changes are discarded"))
    // A node without an ssh server may stay without one.
    try node.shell("rm /usr/sbin/sshd")
    try node.ast("install", "robber", environment: ["AST_HOOKS": examples]).expectSuccess()
  }

  @Test func controlCEndsAHook() throws {
    let directory = try hooks(["10-slow": "touch \"${0%/*}/calls\"; sleep 1000"])
    let before = try node.state()
    let variables = ["AST_STORE": node.store.root.string, "AST_HOOKS": directory.string]
    let terminal = try PseudoTerminal(
      [AstBinary.path.string, "-y", "install", "\(node.id)", "tool"],
      environment: plainEnvironment.merging(variables) { $1 })
    try eventually("the hook") { FileManager.default.fileExists(atPath: directory.appending("calls").string) }
    try terminal.send("\u{3}")
    try terminal.expect("interrupted by signal 2")
    #expect(try terminal.waitForExit() == 130)
    try node.expectUntouched(since: before)
  }

  @Test func hookThatCannotBeRunDiscardsTheChange() throws {
    let directory = try hooks(["10-broken": ""])
    try Data("#!/no/such/interpreter\n".utf8).write(to: URL(filePath: directory.appending("10-broken").string))
    try runSuccessfully(["chmod", "755", directory.appending("10-broken").string])
    let before = try node.state()
    let result = try node.ast("install", "tool", environment: ["AST_HOOKS": directory.string])
    #expect(result.status == 1)
    #expect(result.stderr.contains("\(directory)/10-broken"), "\(result)")
    try node.expectUntouched(since: before)
  }

  @Test func directoryOfHooksNeedNotBeThere() throws {
    try node.ast("install", "tool", environment: ["AST_HOOKS": "/no/such/directory"]).expectSuccess()
  }

  // MARK: Hooks that a node has nothing to do with

  private func write(_ text: String, to node: PackageNode) throws {
    try node.shell("mkdir -p /etc/ast; printf '\(text)' >/etc/ast/node.toml")
  }

  @Test func aHookCanBeSkippedForANode() throws {
    let directory = try hooks(["10-first": Self.telling, "20-second": Self.telling])
    let other = try node.clone()
    let editor = "sh -c 'echo \"hooks.skip = [\\\"20-second\\\", \\\"missing\\\"]\" >\"$1\"' sh"
    try node.ast("edit-conf", environment: ["EDITOR": editor]).expectSuccess()
    let copy = try node.clone()
    for node in [node, other, copy] {
      try node.ast("install", "tool", environment: ["AST_HOOKS": directory.string]).expectSuccess()
    }
    let calls = try calls(directory).map { $0.split(separator: " ").filter { $0 != "node" }.joined(separator: " ") }
    #expect(
      calls == [
        "10-first pre install \(node.id) missing", "10-first post install \(node.id) there",
        "10-first pre install \(other.id) missing", "20-second pre install \(other.id) missing",
        "10-first post install \(other.id) there", "20-second post install \(other.id) there",
        "10-first pre install \(copy.id) missing", "10-first post install \(copy.id) there",
      ])
  }

  @Test func aHookCanBeSkippedByTheMachineAndTakenByANode() throws {
    let directory = try hooks(["10-first": Self.telling])
    let settings = try TestSettings.file()
    try Data("hooks.skip = [\"10-first\"]".utf8).write(to: URL(filePath: settings.string))
    let variables = ["AST_HOOKS": directory.string, "AST_CONFIG": settings.string]
    let other = try node.clone()
    try write("hooks.skip = []", to: other)
    try node.ast("install", "tool", environment: variables).expectSuccess()
    try other.ast("install", "tool", environment: variables).expectSuccess()
    #expect(try calls(directory).first == "10-first pre install node \(other.id) missing")
    #expect(try calls(directory).count == 2)
  }

  /// With an error in the settings, it is not known which hooks run.
  @Test func wrongSettingsRefuseAChangeOfPackagesWhereThereAreHooks() throws {
    let directory = try hooks(["10-first": Self.telling])
    try write("[hooks]\\n skip = [\"a/b\"]", to: node)
    let before = try node.state()
    for words in [["install", "tool"], ["hold", "bash"], ["upgrade"]] {
      let result = try node.store.ast(
        node.words(words[0], Array(words.dropFirst())),
        environment: [
          "AST_HOOKS": directory.string
        ])
      #expect(result.status == 2, "\(words): \(result)")
      #expect(
        result.said == [
          "ast: \(try node.content)/etc/ast/node.toml: line 2, column 2: hooks.skip cannot have \"a/b\": the name of a hook "
            + "has letters, digits, \"_\" and \"-\" only", "     see ast.toml(5)",
        ], "\(words): \(result)")
    }
    #expect(!FileManager.default.fileExists(atPath: directory.appending("calls").string))
    try node.expectUntouched(since: before)
    // Without a hook, the settings are not needed.
    try node.ast("install", "tool", environment: ["AST_HOOKS": "/no/such/directory"]).expectSuccess()
    let settings = try TestSettings.file()
    try Data("wrong".utf8).write(to: URL(filePath: settings.string))
    let result = try node.clone().ast(
      "remove", "tool", environment: ["AST_HOOKS": directory.string, "AST_CONFIG": settings.string])
    #expect(result.status == 2)
    #expect(result.stderr.contains("\(settings): line 1, column 6: "), "\(result)")
  }
}
