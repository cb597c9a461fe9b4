import SystemPackage
import TestSupport

/// A command of the campaign: its words, and its effect on a store.
struct Operation: CustomStringConvertible, Sendable {
  /// What may happen to it on its way.
  enum Kind: Sendable {
    /// One commit of ast: it can be killed, meet errors, and run beside others.
    case commit
    /// The same node by node, where one that fails does not stop the others: it does not run beside other commands,
    /// because any of its commits may come between theirs.
    case commits
    /// The /etc of a deployment that starts is brought up to date: it runs alone.
    case start
    /// The machine's own: it is left alone.
    case machine
  }

  let kind: Kind
  let verb: String
  let description: String
  /// The exit statuses, besides 0, of a refusal that changes nothing.
  var refusals: Set<Int32> = []
  /// Its steps: of a command that is killed, the first ones are done, or none.
  let changes: [@Sendable (inout ExpectedStore) -> Void]
  /// Makes the command line.
  private let command: @Sendable (_ store: FilePath, _ wrapper: [String]) throws -> [String]

  /// The command line.
  ///
  /// - Parameter wrapper: words before ast's own, such as those of strace(1).
  func command(on store: FilePath, wrapper: [String] = []) throws -> [String] { try command(store, wrapper) }

  /// The states that are possible after the first steps: none, one …, all of them.
  func outcomes(on store: ExpectedStore) -> [ExpectedStore] {
    changes.reduce(into: [store]) { outcomes, change in
      var changed = outcomes[outcomes.count - 1]
      change(&changed)
      outcomes.append(changed)
    }
  }

  /// The states that are possible after an error.
  func outcomesOfFailure(on store: ExpectedStore) -> [ExpectedStore] {
    switch kind {
    case .commit, .machine: [store]
    case .start: outcomes(on: store)
    case .commits:
      changes.reduce([store]) { outcomes, change in
        outcomes
          + outcomes.map { outcome in
            var changed = outcome
            change(&changed)
            return changed
          }
      }
    }
  }
}

extension Operation {
  private static func ast(
    _ words: [String], kind: Kind = .commit, before: [String] = [], refusals: Set<Int32> = [],
    _ changes: [@Sendable (inout ExpectedStore) -> Void] = []
  ) -> Operation {
    Operation(
      kind: kind, verb: words.first { !$0.hasPrefix("-") } ?? "",
      description: words.map { $0.contains("\n") ? "…" : $0 }.joined(separator: " "),
      refusals: refusals, changes: changes,
      command: { store, wrapper in before + wrapper + [AstBinary.path.string, "--store", store.string] + words })
  }

  /// The next command after another one, which finishes or clears away what that one has left.
  static let next = ast(["tmp"])

  static func making(
    _ verb: String, _ operands: [Int], _ source: Int, under parent: Int?, _ number: Int
  ) -> Operation {
    let description = "made by \(number)"
    return ast(
      [verb] + operands.map(String.init) + [description], [{ $0.add(copyOf: source, under: parent, description) }])
  }

  static func cloneTree(_ top: Int) -> Operation { ast(["clone-tree", "\(top)"], [{ $0.cloneTree(top) }]) }

  /// A node with a deployment may be protected.
  static func delete(_ top: Int, on store: ExpectedStore) -> Operation {
    let nodes = Set(store.subtree(of: top))
    let isDeployed = store.deployments.values.contains { nodes.contains($0.node) }
    return ast(["-y", "del", "\(top)"], refusals: isDeployed ? [5] : [], [{ $0.delete(top) }])
  }

  static func describe(_ node: Int, _ number: Int) -> Operation {
    ast(["desc", "\(node)", "described by \(number)"], [{ $0.nodes[node]?.description = "described by \(number)" }])
  }

  static func undo(_ node: Int) -> Operation { ast(["undo", "\(node)"], [{ $0.undo(node) }]) }

  static func run(_ node: Int, _ number: Int) -> Operation {
    ast(["run", "\(node)", "sh", "-ec", NodeContent.work(number)], [{ $0.set(\.work, number, in: node) }])
  }

  static func treeRun(_ nodes: [Int], _ number: Int) -> Operation {
    ast(
      ["tree-run", "\(nodes[0])", "sh", "-ec", NodeContent.work(number)], kind: .commits,
      nodes.map { node in { $0.set(\.work, number, in: node) } })
  }

  static func chroot(_ node: Int, _ number: Int) -> Operation {
    let script = "exec \"$@\" <<'end'\nset -e; \(NodeContent.work(number))\nexit 0\nend\n"
    return ast(["chroot", "\(node)"], before: ["sh", "-c", script, "sh"], [{ $0.set(\.work, number, in: node) }])
  }

  static func editConfiguration(_ node: Int, _ number: Int) -> Operation {
    ast(
      ["edit-conf", "\(node)"], before: ["env", "VISUAL=sh -c 'echo \"#\(number)\" >\"$1\"' sh"],
      [{ $0.set(\.settings, number, in: node) }])
  }

  static func deploy(_ node: Int, asDefault: Bool) -> Operation {
    ast(["deploy"] + (asDefault ? [] : ["--no-default"]) + ["\(node)"], [{ $0.deploy(node, asDefault: asDefault) }])
  }

  static func rollback(to deployment: Int) -> Operation {
    ast(["rollback", "--to", "\(deployment)"], [{ $0.standard = deployment }])
  }

  static func pin(_ deployment: Int, _ isPinned: Bool) -> Operation {
    ast([isPinned ? "pin" : "unpin", "\(deployment)"], [{ $0.deployments[deployment]?.isPinned = isPinned }])
  }

  /// A command that changes nothing which is compared.
  static func upkeep(_ words: String...) -> Operation { ast(words) }
}

// MARK: The machine

extension Operation {
  /// The start of a deployment, as far as /etc is concerned: what runs is noted, as the first program of a start does,
  /// and ast brings /etc up to date.
  static func start(_ deployment: Int, in store: ExpectedStore) -> Operation {
    var noted = store
    noted.noteStart(of: deployment)
    let note = "ran=\(deployment)\n" + (noted.pending.map { "from=\($0)\n" } ?? "")
    let from = noted.pending
    let script = """
      note="$1/ast/ran" text=$2; shift 2
      if printf '%s\\n' "$text" >"$note.new" && sync "$note.new"; then
        mv "$note.new" "$note"; sync "${note%/ran}"
      else
        rm -f "$note.new"
      fi
      mount -t tmpfs none /run; if [ -e /dev/kmsg ]; then mount --bind /dev/null /dev/kmsg; fi
      exec "$@" >/dev/null
      """
    return Operation(
      kind: .start, verb: "boot-etc", description: "start of deployment \(deployment)",
      changes: [
        { $0.noteStart(of: deployment) }, { $0.bringAlong(from: from, to: deployment) }, { $0.pending = nil },
      ],
      command: { store, wrapper in
        ["unshare", "--mount", "sh", "-c", script, "sh", store.string, String(note.dropLast())] + wrapper
          + [AstBinary.path.string, "--store", store.string, "boot-etc", "\(deployment)"]
      })
  }

  /// A file of /etc is changed while a deployment runs.
  static func edit(_ file: String, of deployment: Int, _ number: Int) -> Operation {
    let script = "cd \"$1\"; echo \(number) >half; sync half; mv half \(file); sync ."
    return Operation(
      kind: .machine, verb: "edit", description: "/etc/\(file) of deployment \(deployment) is \(number) now",
      changes: [{ $0.deployments[deployment]?.etc.numbers[file] = number }],
      command: { store, _ in ["sh", "-ec", script, "sh", store.appending("deploy/\(deployment)/root/etc").string] })
  }

  /// A deployment has come up.
  static func complete(_ deployment: Int) -> Operation {
    let script = """
      cd "$1"; sqlite3 ast/tree.sqlite "UPDATE deployment SET state = 'good' WHERE id = \(deployment)"
      """
    return Operation(
      kind: .machine, verb: "good", description: "deployment \(deployment) is good",
      changes: [{ $0.markGood(deployment) }],
      command: { store, _ in ["sh", "-ec", script, "sh", store.string] })
  }

  /// The machine stops.
  static func stop(_ deployment: Int, in store: ExpectedStore) -> Operation {
    let next = store.standard.flatMap { store.deployments[$0]?.isGood == false && $0 != deployment ? $0 : nil }
    return inside(deployment, "boot-stop", next.map { next in [{ $0.bringAlong(from: deployment, to: next) }] } ?? [])
  }

  private static func inside(
    _ deployment: Int, _ verb: String, _ changes: [@Sendable (inout ExpectedStore) -> Void]
  ) -> Operation {
    Operation(
      kind: .machine, verb: verb, description: "\(verb) in deployment \(deployment)", changes: changes,
      command: { store, _ in
        try TestStore(existing: store).commandInside(
          store.appending("deploy/\(deployment)/root"), "ast \(verb) >/dev/null")
      })
  }
}

// MARK: At random

extension Operation {
  /// A command that is possible for a store. `number` is different for each command of an episode.
  static func random(on store: ExpectedStore, number: Int, using random: inout SeededGenerator) -> Operation {
    // A start that was cut short is followed by another one before anything else runs.
    if store.pending != nil {
      return start(store.deployments.keys.sorted().randomElement(using: &random) ?? 1, in: store)
    }
    if Bool.random(using: &random) { return machine(on: store, number, using: &random) }
    return tree(on: store, number, using: &random)
  }

  /// One of several commands that run at the same time: `others` are those that were chosen before.
  static func random(
    beside others: [Operation], on store: ExpectedStore, number: Int, using random: inout SeededGenerator
  ) -> Operation {
    while true {
      let next = tree(on: store, number, using: &random)
      // What a deployment gets depends on which one is the default when it begins, so there is one at a time.
      if next.kind == .commit, (others + [next]).count(where: { $0.verb == "deploy" }) < 2 { return next }
    }
  }

  private static func tree(on store: ExpectedStore, _ number: Int, using random: inout SeededGenerator) -> Operation {
    let all = store.nodes.keys.sorted()
    let workable = all.dropFirst()
    guard let node = workable.randomElement(using: &random), let source = all.randomElement(using: &random) else {
      return making("clone", [0], 0, under: nil, number)
    }
    // The more nodes there are, the more likely one is deleted.
    if Int.random(in: 0..<all.count, using: &random) > 6, let last = all.last, last > 1 {
      return delete(last, on: store)
    }
    switch Int.random(in: 0..<22, using: &random) {
    case 0: return making("new", [], 0, under: nil, number)
    case 1: return making("clone", [source], source, under: nil, number)
    case 2: return making("branch", [node], node, under: node, number)
    case 3: return making("cbranch", [node], node, under: store.nodes[node]?.parent, number)
    case 4:
      let parent = workable.randomElement(using: &random) ?? node
      return making("ubranch", [parent, source], source, under: parent, number)
    case 5: return cloneTree(node)
    case 6: return describe(node, number)
    case 7: return delete(node, on: store)
    case 8: return treeRun(store.subtree(of: node), number)
    case 9: return chroot(node, number)
    case 10, 11: return store.nodes[node]?.previous == nil ? run(node, number) : undo(node)
    case 12: return editConfiguration(node, number)
    case 13:
      let upkeep = [upkeep("doctor"), upkeep("-y", "gc", "--keep", "1"), upkeep("-y", "gc"), upkeep("dedupe")]
      return upkeep.randomElement(using: &random) ?? .next
    case 14, 15:
      guard let pinned = store.deployments.keys.sorted().randomElement(using: &random) else { return run(node, number) }
      return pin(pinned, Bool.random(using: &random))
    case 16:
      let bootable = workable.filter { store.nodes[$0]?.content.isFurnished == true }
      return bootable.randomElement(using: &random).map { deploy($0, asDefault: true) } ?? run(node, number)
    default: return run(node, number)
    }
  }

  private static func machine(on store: ExpectedStore, _ number: Int, using random: inout SeededGenerator) -> Operation
  {
    let deployments = store.deployments.keys.sorted()
    let bootable = store.nodes.filter { $0.value.content.isFurnished }.keys.sorted()
    guard let node = bootable.randomElement(using: &random) else { return making("clone", [0], 0, under: nil, number) }
    guard let any = deployments.randomElement(using: &random) else { return deploy(node, asDefault: true) }
    let file = Etc.machineFiles.randomElement(using: &random) ?? ""
    switch Int.random(in: 0..<16, using: &random) {
    case 0...2: return deploy(node, asDefault: Int.random(in: 0..<4, using: &random) > 0)
    case 3...6: return start(Int.random(in: 0..<3, using: &random) > 0 ? store.standard ?? any : any, in: store)
    case 7: return any == store.standard ? deploy(node, asDefault: true) : rollback(to: any)
    case 8: return store.running.map { complete($0) } ?? start(any, in: store)
    case 9: return store.running.map { stop($0, in: store) } ?? start(any, in: store)
    default: return store.running.map { edit(file, of: $0, number) } ?? start(any, in: store)
    }
  }
}
