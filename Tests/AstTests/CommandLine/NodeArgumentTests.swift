import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// The kernel arguments in a node's own settings.
@Suite("A node's kernel arguments", .requiresRoot)
struct NodeArgumentTests {
  private let disk: BootDisk
  private var store: TestStore { disk.store }

  init() throws {
    disk = try BootDisk()
    let script = "mkdir -p /etc/default; echo 'GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"' >/etc/default/grub"
    try store.ast("run", "1", "sh", "-c", script).expectSuccess()
    try store.ast("clone", "1").expectSuccess()
  }

  private func choose(_ words: String, in node: Int) throws {
    let text = "boot.kernel-arguments = [\(words)]"
    try store.ast("edit-conf", "\(node)", environment: ["EDITOR": "sh -c 'printf %s \"$1\" >\"$2\"' sh '\(text)'"])
      .expectSuccess()
  }

  /// The kernel arguments in the node's own menu entry.
  private func trial(_ node: Int) throws -> Substring? { try arguments(of: "ast_trial \(node)/", in: "tree-1.cfg") }

  /// The same for a deployment.
  private func deployment(_ id: Int) throws -> Substring? {
    try arguments(of: "ast_boot '@snapshots/deploy/\(id)/", in: "menu.cfg")?.split(separator: "$@ ").last
  }

  private func arguments(of command: String, in file: String) throws -> Substring? {
    let lines = try MenuFiles(of: store).texts[file]?.split(separator: "\n") ?? []
    let line = lines.first { $0.drop { $0 == " " }.hasPrefix(command) }
    return line?.split(separator: "/boot/initrd.img-\(BootDisk.version)' ").last
  }

  @Test func theyStandBehindThoseOfTheLoaderInTheEntriesOfTheNodeAlone() throws {
    try store.ast("deploy", "1").expectSuccess()
    #expect(try trial(1) == "'quiet'")
    try choose(#""mitigations=off", "console=ttyS0,115200""#, in: 1)
    let all: Substring = "'quiet' 'mitigations=off' 'console=ttyS0,115200'"
    #expect(try trial(1) == all)
    #expect(try trial(2) == "'quiet'")
    // Existing deployments stay as they are.
    #expect(try deployment(1) == "'quiet'")
    try store.ast("deploy", "1").expectSuccess()
    #expect(try deployment(2) == all)
    try store.ast("deploy", "2").expectSuccess()
    #expect(try deployment(3) == "'quiet'")
    #expect(try deployment(2) == all)
    #expect(try Consistency.problems(of: store) == [])
  }

  @Test func clonesHaveThemAndUndoTakesThemBack() throws {
    try store.ast("deploy", "1").expectSuccess()
    try choose("\"nosmt\"", in: 2)
    try store.ast("clone", "2").expectSuccess()
    try store.ast("branch", "3").expectSuccess()
    for node in 2...4 { #expect(try trial(node) == "'quiet' 'nosmt'") }
    try store.ast("run", "4", "touch", "/more").expectSuccess()
    #expect(try trial(4) == "'quiet' 'nosmt'")
    #expect(try store.ast("config", "-N", "4", "boot.kernel-arguments").expectSuccess().stdout == "nosmt\n")
    try store.ast("undo", "2").expectSuccess()
    #expect(try trial(2) == "'quiet'")
    #expect(try trial(3) == "'quiet' 'nosmt'")
    try choose("", in: 3)
    #expect(try trial(3) == "'quiet'")
  }

  /// The file in the running /etc is a copy: the one in the node is in force.
  @Test func whatRunsHasNoSayInThem() throws {
    try choose("\"nosmt\"", in: 1)
    try store.ast("deploy", "1").expectSuccess()
    let running = disk.root(of: 1).appending("etc/ast/node.toml").string
    try runSuccessfully(["sh", "-c", "echo 'boot.kernel-arguments = [\"mine\"]' >\(running)"])
    try store.ast("deploy", "2").expectSuccess()
    #expect(try deployment(2) == "'quiet'")
    try store.ast("deploy", "1").expectSuccess()
    #expect(try deployment(3) == "'quiet' 'nosmt'")
  }

  /// An error in the file loses neither the changes nor the boot entry.
  @Test(arguments: [
    (
      "boot.kernel-arguments = [\"root=/dev/sda\"]",
      "line 1, column 1: boot.kernel-arguments cannot have \"root=/dev/sda\": root is what ast itself decides about"
    ),
    ("[boot]\n kernel-argument = []", "line 2, column 2: there is no setting boot.kernel-argument"),
    (String(repeating: "#\n", count: 9000), "it is larger than 16 KiB"),
  ])
  func whatWentWrongOtherwiseAddsNothing(text: String, reason: String) throws {
    try store.ast("deploy", "1").expectSuccess()
    try choose("\"nosmt\"", in: 1)
    let made = try store.ast("run", "1", "sh", "-c", "cat >/etc/ast/node.toml; touch /work", input: text)
      .expectSuccess()
    let place = "\(try store.content(of: 1))/etc/ast/node.toml"
    let warning = "ast: warning: \(place): \(reason); node 1 only gets the kernel arguments in /etc/default/grub"
    #expect(
      made.stderr.lines == [
        warning, "ast: node 1: changes kept as generation 5",
        "ast: the next start is of node 1 as it was; `ast deploy 1` brings what has changed",
      ])
    #expect(FileManager.default.fileExists(atPath: "\(try store.content(of: 1))/work"))
    #expect(try trial(1) == "'quiet'")
    let deployed = try store.ast("deploy", "1").expectSuccess()
    #expect(deployed.stderr.lines.contains(warning), "\(deployed)")
    #expect(try deployment(2) == "'quiet'")
    #expect(try Consistency.problems(of: store) == [])
    try choose("\"nosmt\"", in: 1)
    #expect(try trial(1) == "'quiet' 'nosmt'")
  }
}
