import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// The examples of the manual pages, run one after the other.
@Suite("Examples of the manual", .requiresRoot)
struct ManualExampleTests {
  /// A page with examples, and its setup.
  struct Page: Sendable, CustomTestStringConvertible {
    let name: String
    /// The commands that prepare the store.
    let beforehand: [[String]]
    var testDescription: String { name }
  }

  private static let nginx = DebPackage(
    "nginx",
    files: [
      "/usr/bin/systemctl": DebPackage.File("#!/bin/sh\n", mode: FilePermissions(rawValue: 0o755)),
      "/etc/nginx/nginx.conf": DebPackage.File("events {}\n"),
    ])

  @Test(arguments: [
    Page(name: "ast.8", beforehand: []),
    Page(name: "ast-tree.8", beforehand: [["clone", "0"]]),
    Page(
      name: "ast-work.8",
      beforehand: [
        ["clone", "0"], ["branch", "1"], ["install", "-y", "2", "nginx"], ["run", "2", "touch", "/etc/nginx/more"],
      ]),
    Page(name: "ast-packages.8", beforehand: [["clone", "0"], ["branch", "1"]]),
  ])
  func theyDoWhatTheySay(page: Page) throws {
    let packages = try PackageStore(publishing: [Self.nginx])
    for arguments in page.beforehand { try packages.store.ast(arguments).expectSuccess() }
    let commands = try Self.examples(in: page.name)
    #expect(commands.count > 3)
    for command in commands { try type(command, in: packages.store) }
  }

  @Test func thoseOfDeploymentsAndOfRescueDoToo() throws {
    let disk = try BootDisk()
    try disk.store.ast("branch", "1").expectSuccess()
    let restart = "systemctl reboot"
    let commands = try Self.examples(in: "ast-boot.8")
    #expect(commands.contains(restart))
    for command in commands where command != restart { try type(command, in: disk.store) }

    let top = disk.path(of: "@snapshots").removingLastComponent()
    let device = try runSuccessfully(["findmnt", "-no", "SOURCE", top.string]).prefix { $0 != "\n" && $0 != "[" }
    let byHand = try Self.examples(in: "ast-design.7", under: "BY HAND").joined(separator: "\n")
      .replacing("/dev/sdX2", with: device)
    let said = try runSuccessfully(["unshare", "--mount", "sh", "-ec", byHand])
    #expect(said.contains("snapshot-1 -> ") && said.contains("\"description\""), "\(said)")
  }

  @Test func thoseOfTheStoreDoToo() throws {
    let disk = try LoopBtrfs.small(size: 6 << 30)
    defer { disk.remove() }
    let store = try TestStore(at: disk.root.appending("store"))
    let commands = try Self.examples(in: "ast-store.8")
    // `init` and `bootstrap` fetch a Debian, so they have other tests.
    let others = commands.filter { !$0.hasPrefix("ast init") && !$0.hasPrefix("ast bootstrap") }
    #expect(commands.count == others.count + 2 && !others.isEmpty)
    for command in others { try type(command, in: store) }
  }

  @Test func thoseOfTheSettingsAreInForce() throws {
    let file = try LoopBtrfs.shared.newDirectory().appending("ast.toml")
    let disk = try BootDisk()
    try disk.store.ast("branch", "1").expectSuccess()
    let text = try String(contentsOfFile: Checkout.manual.appending("ast.toml.5").string, encoding: .utf8)
    let blocks = text.split(separator: ".Bd -literal -offset indent\n").dropFirst().compactMap {
      $0.split(separator: ".Ed\n").first.map(String.init)
    }
    // An example for systemd or for a node begins with the command that edits the file.
    let ofNodes = blocks.filter { $0.hasPrefix("# ast edit-conf 2\n") }
    #expect(ofNodes.count == 1)
    for block in ofNodes {
      let lines = block.split(separator: "\n")
      try Data(lines.filter { !$0.hasPrefix("# ") }.joined(separator: "\n").utf8).write(to: URL(filePath: file.string))
      for line in lines where line.hasPrefix("# ") {
        try type(String(line.dropFirst(2)), in: disk.store, editor: "cp \(file)")
      }
      let menu = try MenuFiles(of: disk.store).texts.values
      #expect(menu.contains { $0.contains("'console=tty0' 'console=ttyS0,115200'") })
    }
    for line in blocks.filter({ $0.hasPrefix("# ast config") }).flatMap({ $0.split(separator: "\n") }) {
      try type(String(line.dropFirst(2)), in: disk.store)
    }
    for block in blocks where !block.hasPrefix("# ") {
      try Data(block.utf8).write(to: URL(filePath: file.string))
      let shown = try run(
        [AstBinary.path.string, "config"],
        environment: plainEnvironment.merging(["AST_STORE": "/nonexistent", "AST_CONFIG": file.string]) { $1 })
      #expect(shown.status == 0 && shown.stdout.contains("\(file):"), "\(block)\(shown)")
    }
    #expect(blocks.count > 2)
  }

  /// Runs a command with `-y`, because there is no terminal.
  private func type(_ command: String, in store: TestStore, editor: String = "true") throws {
    let words = command.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
    let rest = words.dropFirst(2).joined()
    let path = "\(AstBinary.path.removingLastComponent()):/usr/sbin:/usr/bin:/sbin:/bin"
    let result = try run(
      ["sh", "-ec", "\(words[0]) \(words[1]) -y \(rest)"],
      environment: plainEnvironment.merging(store.variables) { $1 }.merging(["PATH": path, "EDITOR": editor]) { $1 },
      input: "exit 0\n")
    #expect(result.status == 0, "\(command): \(result)")
  }

  private static func examples(in page: String, under section: String = "EXAMPLES") throws -> [String] {
    let text = try String(contentsOfFile: Checkout.manual.appending(page).string, encoding: .utf8)
    let lines = text.split(separator: "\n").drop { $0 != ".Sh \(section)" }.dropFirst().prefix { !$0.hasPrefix(".Sh") }
    return lines.split { $0.hasPrefix(".") }.filter { block in
      block.startIndex > lines.startIndex && lines[block.startIndex - 1].hasPrefix(".Bd -literal")
    }.flatMap { block in
      // What uses a variable is typed as a whole.
      block.first?.contains("=$(") ?? false ? [block.joined(separator: "\n")] : block.map(String.init)
    }
  }
}
