import ArgumentParser
import Host
import Nodes
import SnapshotTree

struct Dedupe: Verb {
  static let configuration = CommandConfiguration(
    commandName: "dedupe", abstract: "Let identical package files in several nodes share their space",
    discussion: """
      What `ast` installs is shared at once; this is for imported files, and for files that could not be shared when \
      they were installed. No content changes, so there is nothing to undo.
      """)
  static var needs: Need { .freeing }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: "The nodes (default: all but the base).") var nodes: [NodeName] = []

  func perform(in context: Context) throws -> Report {
    let store = try context.store
    let steps = try StepView(context.output, expecting: nodes.isEmpty ? store.tree.nodes().count - 1 : nodes.count)
    let deduplication = try store.deduplicate(nodes.map(context.node)) {
      steps.show("comparing the files of node \($0)")
    } finished: { result in
      if let failure = result.failure { context.output.warn(failure.message) }
    }
    // A failure of the only node that was named is the failure of the command.
    if nodes.count == 1, let failure = deduplication.results.first?.failure { throw failure }
    return try Report(deduplication, deployed: Set(store.tree.deployments().map(\.node)))
  }
}

extension Report {
  fileprivate init(_ deduplication: Deduplication, deployed: Set<NodeID>) {
    let shared = deduplication.results.filter { $0.shared.files > 0 }
    var lines = shared.map { result in
      "Node \(result.node): \(result.shared.files) \(result.shared.files == 1 ? "file" : "files"), "
        + "\(Quantity.bytes(result.shared.bytes)) shared."
    }
    if deduplication.interruption != nil { lines.append("Interrupted; run the command again to continue.") }
    if lines.isEmpty, deduplication.exitStatus == 0 { lines.append("Nothing to do.") }
    if shared.contains(where: { deployed.contains($0.node) }) {
      lines.append("The space in deployments is freed when they are deleted.")
    }
    self.init(
      text: lines.joined(separator: "\n"), data: ["nodes": deduplication.results.map(DedupeReport.init)],
      status: deduplication.exitStatus, error: deduplication.interruption.map { .interrupted(by: $0, state: nil) })
  }
}

/// One node as `dedupe --json` shows it.
private struct DedupeReport: Encodable {
  let node: NodeID
  let result: String
  let files: Int
  let bytes: Int64
  @Nullable var error: String?

  init(_ result: DeduplicationResult) {
    node = result.node
    (files, bytes) = (result.shared.files, result.shared.bytes)
    error = result.failure?.message
    self.result = result.failure != nil ? "failed" : files > 0 ? "shared" : "unchanged"
  }
}
