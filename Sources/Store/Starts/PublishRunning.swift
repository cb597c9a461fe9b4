import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import SystemPackage

/// What the machine runs, and what waits for a restart, for programs that do not ask ast: prompts, the message of the
/// day, and those that know Debian's sign for a restart.
extension Store {
  private static let run: FilePath = "/run"

  /// The node that this machine runs, as the file says; nil if it runs from no node. Needs no store.
  public static var runningNode: NodeID? {
    let text = try? Files.text(of: run.appending("ast/current"))
    let name = "AST_NODE="
    return text?.split(separator: "\n").first { $0.hasPrefix(name) }.flatMap { NodeID($0.dropFirst(name.count)) }
  }

  /// Brings these files in /run up to date, if the machine runs from this store. Nothing fails because of them.
  package func publishRunning() {
    do { try writeRunning() } catch {
      warn("programs do not see yet what runs and what waits for a restart: \(AstError(error).reason)")
    }
  }

  private func writeRunning() throws {
    guard let booted = try booted() else { return }
    let waiting = try deploymentChosenInThisBoot().flatMap { $0.id == booted.deployment?.id ? nil : $0 }
    let node = try node(booted.node)
    let generation =
      switch booted {
      case .deployment(let deployment): deployment.generation
      case .trial(let generation): generation.number
      }
    let values = [
      ("AST_NODE", "\(node.id)"), ("AST_DESCRIPTION", node.description), ("AST_GENERATION", "\(generation)"),
      ("AST_DEPLOYMENT", booted.deployment.map { "\($0.id)" } ?? ""), ("AST_WAITING", waiting.map { "\($0.id)" } ?? ""),
      ("AST_WAITING_NODE", waiting.map { "\($0.node)" } ?? ""),
    ]
    let text = values.map { "\($0)=\(Self.quoted($1))\n" }.joined()
    try Files.ensureDirectory(Self.run.appending("ast"))
    let current = Self.run.appending("ast/current")
    if (try? Files.text(of: current)) != text { try Files.replace(current, by: text) }
    try RestartNotice(in: Self.run).update(for: waiting)
  }

  /// The deployment that starts next because of a choice made since the machine has started. One that was chosen before
  /// does not wait for a restart: the machine could not start it, or somebody has started another one on purpose.
  private func deploymentChosenInThisBoot() throws -> Deployment? {
    for (deployment, token) in [
      (try tree.onceDeployment, try tree.onceToken), (try tree.defaultDeployment, try tree.bootToken),
    ] {
      guard let deployment, try tree.operation(OperationID(token))?.bootID == Store.bootID else { continue }
      return try tree.deployment(deployment)
    }
    return nil
  }

  /// A value as a shell and os-release(5) read it.
  private static func quoted(_ value: String) -> String {
    guard !value.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) }) else { return value }
    let printable = value.unicodeScalars.filter { !(0..<0x20).contains($0.value) && $0.value != 0x7f }
    return "'\(String(String.UnicodeScalarView(printable)).replacing("'", with: "'\\''"))'"
  }
}
