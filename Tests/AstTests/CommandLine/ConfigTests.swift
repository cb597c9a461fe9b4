import Btrfs
import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

@Suite("config", .requiresRoot)
struct ConfigTests {
  private let store: TestStore
  private let file: FilePath

  init() throws {
    store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    file = try LoopBtrfs.shared.newDirectory().appending("ast.toml")
  }

  private func config(_ arguments: String..., settings: String = "") throws -> CommandResult {
    try Data(settings.utf8).write(to: URL(filePath: file.string))
    return try store.ast(["config"] + arguments, environment: ["AST_CONFIG": file.string])
  }

  private static let some = "[updates]\nnodes = [\n  3, 1 ]\n[gc]\nkeep-days = 30\n"

  @Test func allSettingsAreShownWithTheirPlaces() throws {
    try runSuccessfully(["mkdir", "\(file).d"])
    try Data("updates.mail = \"\"".utf8).write(to: URL(filePath: "\(file).d/mail.toml"))
    #expect(
      try config(settings: Self.some).expectSuccess().stdout == """
        updates.policy = "check"               default
        updates.only = "all"                   default
        updates.nodes = [3, 1]                 \(file):2
        updates.tree = false                   default
        updates.only-on-ac = true              default
        updates.minimum-free = "2G"            default
        updates.clone-before = false           default
        updates.reboot = "never"               default
        updates.reboot-window = "02:00-05:00"  default
        updates.motd = true                    default
        updates.mail = ""                      \(file).d/mail.toml:1
        gc.keep-generations = 3                default
        gc.keep-deployments = 3                default
        gc.keep-days = 30                      \(file):5
        gc.minimum-free = "0"                  default
        hooks.skip = []                        default
        network.isolation = "on"               default
        network.loopback = []                  default
        limits.tasks-max = 4096                default
        limits.memory-max = "80%"              default

        """)
  }

  @Test func oneSettingIsShownForScripts() throws {
    #expect(try config("updates.nodes", settings: Self.some).expectSuccess().stdout == "3\n1\n")
    #expect(try config("updates.policy").expectSuccess().stdout == "check\n")
    #expect(try config("gc.keep-days", settings: Self.some).expectSuccess().stdout == "30\n")
    let unknown = try config("gc.keep")
    #expect((unknown.status, unknown.stdout) == (3, ""))
    #expect(unknown.stderr.lines == ["ast: there is no setting gc.keep", "     `ast config` lists them"])
  }

  @Test func jsonHasValuesOfTheirKind() throws {
    let settings = try config("--json", settings: Self.some).expectSuccess().json["data"]["settings"]
    #expect(settings.elements.count == 20)
    #expect(settings.elements.allSatisfy { $0.keys == ["file", "key", "line", "value"] })
    #expect(settings[2]["value"] == .array([.number(3), .number(1)]))
    #expect((settings[2]["file"], settings[2]["line"]) == (.text(file.string), .number(2)))
    #expect((settings[3]["value"], settings[3]["file"], settings[3]["line"]) == (.bool(false), .null, .null))
  }

  @Test func aNodesOwnSettingsWin() throws {
    let text = "[updates]\npolicy = \"stage\"\nclone-before = true"
    let script = #"mkdir -p /etc/ast; printf '\n[updates]\npolicy = "off"\n' >/etc/ast/node.toml"#
    try store.ast("run", "1", "sh", "-c", script).expectSuccess()
    #expect(try config("--node", "1", "updates.policy", settings: text).expectSuccess().stdout == "off\n")
    #expect(try config("updates.policy", settings: text).expectSuccess().stdout == "stage\n")
    let shown = try config("-N", "1", settings: text).expectSuccess().stdout.lines
    #expect(shown[0].hasPrefix("updates.policy = \"off\""))
    #expect(shown[0].hasSuffix("\(try store.content(of: 1))/etc/ast/node.toml:3"), "\(shown)")
    #expect(shown[6].hasSuffix("\(file):3"))
    #expect(try config("-N", "clone of 0", "updates.policy", settings: text).expectSuccess().stdout == "off\n")
    #expect(try config("-N", "9").status == 3)
  }

  @Test func wordsAreShownOneByOne() throws {
    let own = #"boot.kernel-arguments = ["mitigations=off", "console=ttyS0,115200"]"#
    try store.ast("run", "1", "sh", "-c", "mkdir -p /etc/ast; echo '\(own)' >/etc/ast/node.toml").expectSuccess()
    let shown = try config("-N", "1", "boot.kernel-arguments", settings: "hooks.skip = [\"a\"]").expectSuccess()
    #expect(shown.stdout == "mitigations=off\nconsole=ttyS0,115200\n")
    #expect(try config("-N", "0", "boot.kernel-arguments").expectSuccess().stdout == "")
    #expect(try config("hooks.skip", settings: "hooks.skip = [\"b\", \"a\"]").expectSuccess().stdout == "b\na\n")
    #expect(try config("-N", "1").expectSuccess().stdout.lines[15].hasPrefix("\(own)  "))
    let json = try config("--json", "-N", "1", "boot.kernel-arguments").expectSuccess().json["data"]["settings"]
    #expect(json[0]["value"] == .array([.text("mitigations=off"), .text("console=ttyS0,115200")]))
    #expect(json[0]["line"] == .number(1))
  }

  @Test func whatOnlyNodesHaveIsNotTheMachines() throws {
    let asked = try config("boot.kernel-arguments")
    #expect((asked.status, asked.stdout) == (2, ""))
    #expect(
      asked.stderr.lines == [
        "ast: boot.kernel-arguments is a setting of nodes",
        "     `ast config -N NODE boot.kernel-arguments` shows that of a node",
      ])
    let set = try config(settings: "boot.kernel-arguments = []")
    #expect(set.status == 2)
    #expect(
      set.stderr.lines.first
        == "ast: \(file): line 1, column 1: the machine has no boot.kernel-arguments: it is a setting of nodes, which "
        + "`ast edit-conf` edits")
  }

  @Test func whatIsWrongIsSaid() throws {
    let result = try config(settings: "[gc]\n  keep-days = true")
    #expect((result.status, result.stdout) == (2, ""))
    #expect(
      result.stderr.lines.first
        == "ast: \(file): line 2, column 3: gc.keep-days is to be a number from 0 to 36500")
  }

  @Test func itNeedsNoStoreAndNoRoot() throws {
    let environment = plainEnvironment.merging(["AST_STORE": "/nonexistent", "AST_CONFIG": "/nonexistent"]) { $1 }
    let result = try run([AstBinary.path.string, "config", "gc.keep-days"], environment: environment)
    #expect(try result.expectSuccess().stdout == "0\n")
  }
}

/// The settings for what `gc` and the commits keep.
@Suite("What the settings keep", .requiresRoot)
struct KeepSettingsTests {
  private let store: TestStore
  private let file: FilePath

  init() throws {
    store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    file = try TestSettings.file()
  }

  private func ast(_ arguments: String..., settings: String) throws -> CommandResult {
    try Data(settings.utf8).write(to: URL(filePath: file.string))
    return try store.ast(arguments, environment: ["AST_CONFIG": file.string])
  }

  @Test func generationsStayAsTheSettingsSay() throws {
    for number in 2...6 {
      try ast("run", "1", "touch", "/\(number)", settings: "gc.keep-generations = 5").expectSuccess()
    }
    #expect(try store.generations(of: 1) == [2, 3, 4, 5, 6])
    #expect(try ast("gc", "-y", settings: "gc.keep-generations = 5").stdout == "")
    #expect(try ast("gc", "-y", settings: "gc.keep-generations = 4").stdout == "Deleted: 1 generation.\n")
    // The option overrides the setting.
    #expect(
      try ast("gc", "-y", "--keep", "4", settings: "gc.keep-generations = 2").stdout == "")
    try ast("run", "1", "touch", "/7", settings: "gc.keep-generations = 2").expectSuccess()
    #expect(try store.generations(of: 1) == [6, 7])
  }

  @Test func oldGenerationsGo() throws {
    for number in 2...3 { try ast("run", "1", "touch", "/\(number)", settings: "").expectSuccess() }
    try store.age([1], of: 1, days: 31)
    #expect(try ast("gc", "-y", settings: "gc.keep-days = 32").stdout == "")
    #expect(try ast("gc", "-y", "--older-than", "5w", settings: "gc.keep-days = 30").stdout == "")
    #expect(try ast("gc", "-y", settings: "gc.keep-days = 30").stdout == "Deleted: 1 generation.\n")
    #expect(try store.generations(of: 1) == [2, 3])
  }

  @Test func gcSeesToFreeSpace() throws {
    for number in 2...3 { try ast("run", "1", "touch", "/\(number)", settings: "").expectSuccess() }
    let enough = try ast("gc", "-y", settings: "gc.minimum-free = \"1M\"").expectSuccess()
    #expect(enough.stdout == "", "\(enough)")
    #expect(try store.generations(of: 1) == [1, 2, 3])
    let more = try FileSystem.space(of: store.root).available + (64 << 20)
    let short = try ast("gc", "-y", settings: "gc.minimum-free = \"\(more)\"")
    #expect(short.status == 7, "\(short)")
    #expect(try store.generations(of: 1) == [2, 3])
  }

  @Test func deploymentsStayAsTheSettingsSay() throws {
    let disk = try BootDisk()
    try Data("gc.keep-deployments = 4".utf8).write(to: URL(filePath: file.string))
    let settings = ["AST_CONFIG": file.string]
    for _ in 1...5 { try disk.store.ast(["deploy", "1"], environment: settings).expectSuccess() }
    #expect(try DeploymentListing(disk.store).data.map(\.deployment) == [5, 4, 3, 2])
    try Data("gc.keep-deployments = 2".utf8).write(to: URL(filePath: file.string))
    try disk.store.ast(["gc", "-y"], environment: settings).expectSuccess()
    #expect(try DeploymentListing(disk.store).data.map(\.deployment) == [5, 4])
  }
}
