import Glibc
import Host
import SnapshotTree
import Store

/// The result for one node in an operation over a tree.
public struct TreeRunResult: Sendable {
  /// The node.
  public let node: Node
  /// How the run ended, or why it did not begin.
  public let outcome: Result<RunOutcome, AstError>

  package init(node: Node, outcome: Result<RunOutcome, AstError>) {
    (self.node, self.outcome) = (node, outcome)
  }

  /// Whether the command succeeded in the node.
  public var succeeded: Bool {
    if case .success(let outcome) = outcome { outcome.effect != .discarded } else { false }
  }

  /// The signal that asks to stop, if any. On a terminal the program receives the keys, so Control-C shows only in how
  /// the program ended; shells treat that as the end of a whole loop, too.
  public var interruption: Int32? {
    switch outcome {
    case .success(let outcome): outcome.interruption ?? (outcome.status == 128 + SIGINT ? SIGINT : nil)
    case .failure(let error): error.signal
    }
  }
}

/// `tree-run`: the same program in a node and in everything below it.
extension Store {
  /// Runs `command` in every node of a tree, each in its own transaction, parents before children. A node that fails
  /// keeps its content and does not stop the others; an interruption stops at once.
  ///
  /// - Parameter progress: called with each result as soon as it is known.
  public func runInTree(
    _ command: [String], top: NodeID, withNetwork: Bool = true, progress: (TreeRunResult) -> Void
  ) throws -> [TreeRunResult] {
    guard top != .base else {
      throw AstError(
        .refused, "node 0 is the base: only `ast base-update` changes it", hint: "name a node of the tree you mean")
    }
    var results: [TreeRunResult] = []
    for node in try subtree(top) {
      let outcome = Result { try run(command, in: node.id, as: "tree-run", withNetwork: withNetwork) }.mapError(
        AstError.init)
      let result = TreeRunResult(node: node, outcome: outcome)
      progress(result)
      results.append(result)
      if result.interruption ?? Interruption.pending != nil { break }
    }
    return results
  }
}
