import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// Whoever reads what ast writes may go away at any time: the work is done all the same, with its own exit status.
@Suite("Lost readers", .requiresRoot)
struct LostReaderTests {
  private static let packages = Result {
    let library = DebPackage(
      "library", files: ["/usr/share/library": "books\n"],
      scripts: [.postinst: "for n in 1 2 3 4 5 6 7 8 9; do echo \"line $n\"; echo \"message $n\" >&2; done"])
    let tool = DebPackage("tool", fields: ["Depends": "library"], files: ["/usr/share/tool": "hammer\n"])
    return try PackageNode(in: PackageStore(publishing: [library, tool]))
  }

  /// A place where a reader is lost, in a command with all kinds of output.
  struct Loss: Sendable, CustomTestStringConvertible {
    let output: FollowedOutput
    var options: [String] = []
    let lines: Int

    var testDescription: String { "\(options) \(output), after \(lines) lines" }

    static let all =
      FollowedOutput.allCases.map { Loss(output: $0, lines: 0) }
      + [0, 1, 2, 3, 5, 8].map { Loss(output: .third, options: ["--progress-fd=3"], lines: $0) }
      + [0, 1, 3, 5].map { Loss(output: .messages, options: ["--progress=json"], lines: $0) }
      + [0, 1].map { Loss(output: .messages, lines: $0) }
      + [.results, .messages].map { Loss(output: $0, options: ["--json", "--progress=json"], lines: 0) }
  }

  private func run(_ store: TestStore, _ words: [String], losing loss: Loss) throws -> CommandResult {
    let environment = plainEnvironment.merging(["AST_STORE": store.root.string]) { $1 }
    return try TestSupport.run(
      [AstBinary.path.string] + loss.options + words, environment: environment, following: loss.output,
      forLines: loss.lines
    ).end
  }

  @Test(arguments: Loss.all)
  func packagesAreInstalledAndUpgraded(loss: Loss) throws {
    let node = try Self.packages.get().clone()
    let installed = try run(node.store, ["install", "\(node.id)", "tool"], losing: loss)
    #expect(installed.status == 0, "\(installed)")
    #expect(try node.text(of: "usr/share/tool") == "hammer\n")
    #expect(try node.history().first?.state == "done")
    let lost = "cannot write the output: Broken pipe"
    if loss.output == .results, loss.options.isEmpty { #expect(installed.stderr.contains("ast: warning: \(lost)\n")) }

    let upgradable = try PackageVictim.upgradable()
    let upgraded = try run(upgradable.store, ["upgrade", "\(upgradable.id)"], losing: loss)
    #expect(upgraded.status == 0, "\(upgraded)")
    #expect(try upgradable.text(of: "usr/share/victim") == "2\n")
  }

  @Test func nodeIsDeployed() throws {
    let disk = try BootDisk()
    for (index, loss) in Loss.all.enumerated() {
      let end = try run(disk.store, ["deploy", "1"], losing: loss)
      #expect(end.status == 0, "\(loss.testDescription): \(end)")
      #expect(try MenuFiles(of: disk.store).standard == "ast-\(index + 1)", "\(loss.testDescription)")
      #expect(try Consistency.problems(of: disk.store) == [], "\(loss.testDescription)")
    }
  }

  /// What programs write to standard error, or to the same pipe, has its way through ast.
  @Test(arguments: [["run"], ["--json", "run"], ["tree-run"], ["--progress=json", "run"]], [0, 1, 3])
  func programsWriteOn(words: [String], lines: Int) throws {
    let store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    // More than a pipe holds.
    let script = "for n in 1 2 3; do head -c 100000 /dev/zero >&2; echo \"line $n\" >&2; done; echo >/done"
    let end = try run(store, words + ["1", "sh", "-ec", script], losing: Loss(output: .messages, lines: lines))
    #expect(end.status == 0, "\(end)")
    #expect(FileManager.default.fileExists(atPath: try store.content(of: 1).appending("done").string))
  }

  @Test func outputsInOnePipeKeepTheirOrder() throws {
    let store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    let script = "for n in 1 2 3 4 5 6; do echo \"o$n\"; echo \"e$n\" >&2; done; exit 3"
    let (end, lines) = try TestSupport.run(
      ["sh", "-c", "exec \"$@\" 2>&1", "sh", AstBinary.path.string, "-q", "run", "1", "sh", "-c", script],
      environment: plainEnvironment.merging(["AST_STORE": store.root.string]) { $1 }, following: .results)
    #expect(end.status == 3)
    #expect(lines == (1...6).flatMap { ["o\($0)", "e\($0)"] })
  }

  /// Standard output is the program's: it ends as in any pipeline.
  @Test func programsGetTheUsualSignal() throws {
    let store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    #expect(try store.ast("run", "1", "sh", "-c", "kill -s PIPE $$; exit 3").status == 141)
    let endless = try run(
      store, ["run", "1", "sh", "-c", "while echo y; do :; done"], losing: Loss(output: .results, lines: 2))
    #expect(endless.status == 141, "\(endless)")
  }

  @Test func packageScriptsAndHooksGetTheUsualSignal() throws {
    let script = "sh -c 'kill -s PIPE $$; exit 0' && exit 1; exit 0"
    let node = try PackageNode(
      in: PackageStore(publishing: [DebPackage("pipes", scripts: [.postinst: script])]))
    let hooks = try LoopBtrfs.shared.newDirectory()
    let hook = hooks.appending("pipes")
    try Data("#!/bin/sh\n\(script)\n".utf8).write(to: URL(filePath: hook.string))
    try runSuccessfully(["chmod", "+x", hook.string])
    try node.ast("install", "pipes", environment: ["AST_HOOKS": hooks.string]).expectSuccess()
  }

  @Test func readersOfATreeEndIt() throws {
    let store = try TestStore()
    for words in [["tree"], ["--json", "history"], ["status"]] {
      let end = try run(store, words, losing: Loss(output: .results, lines: 0))
      #expect(end.signal == 13 && end.stderr == "", "\(end)")
    }
  }

  /// A file that ast opens must not get the number of a descriptor that is closed.
  @Test(arguments: ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
  func closedDescriptorsAreNotWrittenTo(closed: String) throws {
    let store = try TestStore()
    let end = try TestSupport.run(
      ["sh", "-c", "exec \"$@\" \(closed)", "sh", AstBinary.path.string, "clone", "0"],
      environment: plainEnvironment.merging(["AST_STORE": store.root.string]) { $1 })
    #expect(end.status == 0, "\(end)")
    #expect(try Consistency.problems(of: store) == [])
  }
}
