import FoundationEssentials
import SystemPackage
import TestSupport

/// A node whose packages are changed with ast.
struct AstNode {
  let store: TestStore
  let id: Int

  init(_ store: TestStore, _ id: Int) {
    self.store = store
    self.id = id
  }

  /// Another node with the same content.
  func clone() throws -> AstNode {
    struct Answer: Decodable {
      struct Made: Decodable { let node: Int }
      let data: Made
    }
    let answer = try store.ast("clone", "\(id)", "--json").expectSuccess().stdout
    return AstNode(store, try JSONDecoder().decode(Answer.self, from: Data(answer.utf8)).data.node)
  }

  /// Deletes it.
  func delete() throws { try store.ast("del", "--yes", "\(id)").expectSuccess() }

  /// Runs a script in it.
  @discardableResult
  func shell(_ script: String, input: String = "") throws -> String {
    try store.ast(["-q", "run", "\(id)", "sh", "-euc", script], input: input).expectSuccess().stdout
  }

  /// Changes its packages.
  func change(_ change: PackageChange) throws -> WayEnd {
    let words =
      switch change {
      case .install(let names): ["install", "--yes", "--no-install-recommends", "\(id)"] + names
      case .upgrade: ["upgrade", "--yes", "\(id)"]
      case .purge(let names): ["remove", "--yes", "--purge", "--auto-remove", "\(id)"] + names
      }
    let before = try lastLog()
    let result = try store.ast(words)
    let after = try lastLog()
    let said = try after == before ? "" : String(contentsOfFile: logs.appending("\(after).log").string, encoding: .utf8)
    return WayEnd(isGood: result.status == 0, output: result.stderr + said, reason: Self.reason(result))
  }

  /// The versions of the packages that it has, by their names.
  ///
  /// - Parameter remains: whether a package counts of which only configuration is left.
  func versions(withRemains remains: Bool = false) throws -> [String: String] {
    let database = try content().appending("usr/lib/sysimage/dpkg")
    let format = "${Package} ${Version} ${db:Status-Status}\\n"
    let lines = try runSuccessfully(["dpkg-query", "--admindir=\(database)", "--show", "--showformat=\(format)"])
      .split(separator: "\n").map { $0.split(separator: " ") }
    return Dictionary(
      lines.filter { $0.count == 3 && (remains || $0[2] != "config-files") }.map { (String($0[0]), String($0[1])) },
      uniquingKeysWith: { first, _ in first })
  }

  /// The directory of its content.
  func content() throws -> FilePath { try store.content(of: id) }

  /// What is wrong with it and with its store.
  func problems() throws -> [String] {
    let audit = try store.ast("-q", "run", "\(id)", "sh", "-c", "dpkg --audit; apt-get -qq check")
    let said = (audit.stdout + audit.stderr).split(separator: "\n").map { "dpkg --audit, apt-get check: \($0)" }
    return try said + Consistency.problems(of: store) + Consistency.findingsOfDoctor(store)
  }

  private var logs: FilePath { store.root.appending("ast/log") }

  private func lastLog() throws -> Int {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: logs.string)) ?? []
    return names.compactMap { Int($0.dropLast(".log".count)) }.max() ?? 0
  }

  /// The sentences of ast, without what it said while it worked.
  private static func reason(_ result: CommandResult) -> String {
    let lines = result.stderr.split(separator: "\n").filter { $0.hasPrefix("ast:") || $0.hasPrefix("  ") }
    return lines.suffix(4).joined(separator: " | ")
  }
}
