import Nodes
import SnapshotTree
import Store
import SystemPackage

/// The commands that `ast` without a verb suggests.
enum Guide {
  /// A command, and its purpose.
  private typealias Step = (command: String, purpose: String)

  /// The report for a machine without a store.
  static func withoutStore(at root: FilePath) -> Report {
    let text = """
      There is no store at \(root). To begin:
      \(lines(beginning))
      """
    return Report(text: text, data: nil as StatusReport?)
  }

  /// The suggestions for a store in this state.
  static func text(_ overview: Overview) -> String { lines(urgent(overview) + usual(overview) + [all]) }

  private static let beginning: [Step] = [
    ("ast adopt --simulate", "show what adopting this machine would do"),
    ("ast init --image FILE --size 10G", "make a store in a file; nothing boots from it"),
    ("ast bootstrap --image FILE", "make a disk that boots"),
    all,
  ]

  private static let all: Step = ("ast help", "list all verbs; `ast help VERB` for one")

  /// The steps that the state of the machine asks for.
  private static func urgent(_ overview: Overview) -> [Step] {
    var steps: [Step] = []
    let byDefault = overview.deployments.first(where: \.isDefault)?.deployment
    switch overview.booted {
    case .trial: steps.append(("ast deploy", "keep the system that is running on trial"))
    case .deployment(let booted) where overview.leftAtNextStart != nil:
      steps.append(("ast deploy \(booted.node)", "keep the node that is running for this start only"))
    case .deployment(let booted) where byDefault != nil && byDefault?.id != booted.id:
      steps.append(("ast rollback", "make the running deployment the default again"))
    case .deployment, nil: break
    }
    if let failed = overview.deployments.first(where: { $0.deployment.state == .failed })?.deployment {
      steps.append(("ast history \(failed.node)", "show what was done to the node that did not come up"))
    }
    return steps
  }

  private static func usual(_ overview: Overview) -> [Step] {
    guard overview.nodes > 1 else { return [("ast clone 0 web server", "make your own system from the base")] }
    let node = overview.booted?.node ?? overview.defaultNode.flatMap { $0 == .base ? nil : $0 }
    let name = node.map { "\($0)" } ?? "N"
    let steps: [Step] = [
      ("ast tree", "show the nodes"),
      ("ast branch \(name) experiments", "make a copy to try something in"),
      ("ast chroot \(name)", "work in a node; `exit 1` discards the changes"),
      ("ast history \(name)", "what was done to it; `ast diff \(name)`: the last change"),
      ("ast tree-upgrade \(name)", "upgrade it and everything below it"),
    ]
    return steps + (overview.deployments.isEmpty ? [] : [("ast deploy \(name)", "boot it at the next start")])
  }

  private static func lines(_ steps: [Step]) -> String {
    let width = steps.map(\.command.count).max() ?? 0
    return steps.map { step in
      "  \(step.command)\(String(repeating: " ", count: width - step.command.count))  \(step.purpose)"
    }.joined(separator: "\n")
  }
}
