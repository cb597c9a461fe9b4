import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// The commands and the output that README.md shows.
@Suite("README", .requiresRoot)
struct ReadmeTests {
  /// A command, the input of the shell that it opens, and the output.
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
      // The counts in a plan and in a summary depend on the archive.
      guard !["ast install", "ast tree-upgrade", "ast sync"].contains(where: step.command.hasPrefix) else { continue }
      let said = (result.stderr + result.stdout).lines
      // The note that a node is open is printed on a terminal only.
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
