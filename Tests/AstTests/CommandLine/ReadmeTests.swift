import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// What README.md shows to type, typed, and what it says comes of it.
@Suite("README", .requiresRoot)
struct ReadmeTests {
  /// A line to type, what is typed into what it opens, and what is said then.
  private struct Step {
    let command: String
    var input: [String] = []
    var output: [String] = []
  }

  @Test func theFiveMinutesAreAsShown() throws {
    let steps = try Self.steps(in: "## Five minutes")
    #expect(steps.count > 10)
    #expect(steps[0].command.hasPrefix("export AST_STORE=") && steps[1].command.hasPrefix("ast init "))
    let packages = try PackageStore(publishing: [DebPackage("nginx"), DebPackage("postgresql")])
    for step in steps.dropFirst(2) {
      let path = "\(AstBinary.path.removingLastComponent()):/usr/sbin:/usr/bin:/sbin:/bin"
      let result = try run(
        ["sh", "-c", step.command],
        environment: plainEnvironment.merging(["AST_STORE": packages.store.root.string, "PATH": path]) { $1 },
        input: step.input.map { "\($0)\n" }.joined())
      #expect(result.status == 0, "\(step.command): \(result.stderr)")
      // What a plan and a summary count depends on what is in the archive that day.
      guard !["ast install", "ast tree-upgrade", "ast sync"].contains(where: step.command.hasPrefix) else { continue }
      let said = (result.stderr + result.stdout).lines
      // That a node is open is told on a terminal.
      for line in step.output where !line.contains(" is open: ") {
        #expect(said.contains(line), "\(step.command): \(line): \(said)")
      }
    }
  }

  private static func steps(in section: String) throws -> [Step] {
    let file = Checkout.directory.appending("README.md")
    let text = try String(contentsOfFile: file.string, encoding: .utf8)
    let lines = text.split(separator: "\n").drop { $0 != section }.dropFirst().prefix { !$0.hasPrefix("## ") }
    var steps: [Step] = []
    for line in lines where line.hasPrefix("    ") {
      let line = String(line.dropFirst(4))
      if line.hasPrefix("# ") {
        steps.append(Step(command: line.dropFirst(2).split(separator: "  # ").first.map(String.init) ?? ""))
      } else if line.hasPrefix("(ast ") {
        steps[steps.count - 1].input.append(line.split(separator: "# ").dropFirst().joined(separator: "# "))
      } else {
        steps[steps.count - 1].output.append(line)
      }
    }
    return steps
  }
}
