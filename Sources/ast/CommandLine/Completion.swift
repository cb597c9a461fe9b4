import ArgumentParser
import FoundationEssentials
import Host
import Nodes
import Packages
import Settings
import SnapshotTree
import Store
import SystemPackage

/// The words that a shell offers when Tab is pressed, from the store at that moment. If the store cannot be read, there
/// are none, and no error is printed.
enum Completion {
  /// The nodes, with their descriptions, and their tags.
  static let nodes = CompletionKind.custom { words, _, _ in
    candidates(in: words) { store in
      try store.tree.nodes().map { Candidate("\($0.id)", $0.description) }
        + tags(in: store) { $0.generation == nil }
    }
  }

  /// The same, with the tags of generations; behind `@`, the generations of the node before it.
  static let generations = CompletionKind.custom { words, _, prefix in
    candidates(in: words) { store in
      guard !prefix.contains("@") else { return try generations(of: prefix, in: store) }
      return try store.tree.nodes().map { Candidate("\($0.id)", $0.description) } + tags(in: store) { _ in true }
    }
  }

  private static func generations(of prefix: String, in store: Store) throws -> [Candidate] {
    // bash protects the sign when it completes what is before it.
    let typed = prefix.replacing("\\@", with: "@")
    guard let sign = typed.lastIndex(of: "@"), let name = NodeName(String(typed[..<sign])) else { return [] }
    let node = try store.node(store.node(named: name))
    return try store.tree.generations(of: node.id).map { generation in
      let mark = generation.number == node.current ? "current, " : ""
      return Candidate("\(name)@\(generation.number)", "\(mark)\(LocalTime.text(generation.created))")
    }
  }

  /// The deployments, and behind `@` the generations of the node before it.
  static let pinTargets = CompletionKind.custom { words, _, prefix in
    candidates(in: words) { store in
      try prefix.contains("@")
        ? generations(of: prefix, in: store)
        : deployments(in: store)
          + tags(in: store) {
            $0.generation != nil
          }
    }
  }

  /// The tags, with what has them.
  static let tags = CompletionKind.custom { words, _, _ in
    candidates(in: words) { store in try tags(in: store) { _ in true } }
  }

  private static func tags(in store: Store, where isOffered: (SnapshotTree.Tag) -> Bool) throws -> [Candidate] {
    try store.tree.tags().filter(isOffered).map { tag in
      Candidate("\(tag.name)", "\(tag.generation == nil ? "node" : "generation") \(tag.target)")
    }
  }

  /// The deployments, with their nodes and states.
  static let deployments = CompletionKind.custom { words, _, _ in
    candidates(in: words, deployments)
  }

  private static func deployments(in store: Store) throws -> [Candidate] {
    try store.deploymentFacts().reversed().map { facts in
      Candidate("\(facts.deployment.id)", "node \(facts.deployment.node), \(facts.stateWords)")
    }
  }

  /// The last commands that changed the content of nodes.
  static let commands = CompletionKind.custom { words, _, _ in
    candidates(in: words) { store in
      try store.tree.commands(limit: 50).compactMap { operations in
        let nodes = operations.filter { $0.change != nil }.compactMap(\.node)
        guard let first = operations.first, !nodes.isEmpty else { return nil }
        return Candidate("t\(first.id)", "\(first.kind), \(NodeList(nodes).words)")
      }
    }
  }

  /// The transactions that are open.
  static let open = CompletionKind.custom { words, _, _ in
    candidates(in: words) { store in
      try store.openTransactions().map { Candidate("t\($0.id)", $0.node.map { "node \($0)" } ?? "") }
    }
  }

  /// The commands at work.
  static let operations = CompletionKind.custom { words, _, _ in
    candidates(in: words) { store in
      OperationAtWork.all(on: store.root).map { Candidate($0.name, $0.start.command) }
    }
  }

  /// The settings of nodes, with the values from which one is chosen.
  static let assignments = CompletionKind.list(
    SettingKey.ofNodes.flatMap { key in
      key.choices.isEmpty ? ["\(key.rawValue)="] : key.choices.map { "\(key.rawValue)=\($0)" }
    })

  /// The packages that are installed in the node on the command line.
  static let installed = CompletionKind.custom { words, _, _ in
    guard let node = node(in: words) else { return [] }
    return candidates(in: words) { store in
      try store.packages(of: GenerationReference(node)).map { Candidate($0.name, $0.version) }
    }
  }

  /// The packages that this machine's apt knows.
  static let available = CompletionKind.custom { _, _, prefix in
    (try? availablePackages(beginningWith: prefix)) ?? []
  }

  /// What the script of a shell needs besides what the parser generates: bash would take `1@3` for three words.
  static func supplement(to words: [String]) -> String {
    ["bash", "--generate-completion-script=bash"].contains(words.last) && words.first?.hasPrefix("--generate") == true
      ? "\nCOMP_WORDBREAKS=${COMP_WORDBREAKS//@/}" : ""
  }

  /// A word, and its meaning.
  private struct Candidate {
    let word: String
    let meaning: String

    init(_ word: String, _ meaning: String) {
      self.word = word
      self.meaning = Printable.line(meaning)
    }

    /// The form that the asking shell expects: bash shows no meanings.
    var text: String {
      switch CompletionShell.requesting {
      case .zsh: "\(word.split(separator: ":", omittingEmptySubsequences: false).joined(separator: "\\:")):\(meaning)"
      case .fish: "\(word)\t\(meaning)"
      default: word
      }
    }
  }

  private static func candidates(in words: [String], _ list: (Store) throws -> [Candidate]) -> [String] {
    guard let global = try? GlobalOptions.parse(storeOption(in: words)) else { return [] }
    let found = try? list(try Store(opening: global.root, .reading, reader: .files))
    return found?.map(\.text) ?? []
  }

  private static func storeOption(in words: [String]) -> [String] {
    if let joined = words.first(where: { $0.hasPrefix("--store=") }) { return [joined] }
    guard let option = words.firstIndex(of: "--store"), option + 1 < words.count else { return [] }
    return ["--store", words[option + 1]]
  }

  /// The first number behind the verb that is not that of `--wait`.
  private static func node(in words: [String]) -> NodeID? {
    zip(words.dropFirst(), words.dropFirst(2)).lazy.filter { $0.0 != "--wait" }.compactMap { NodeID($0.1) }.first
  }
}
