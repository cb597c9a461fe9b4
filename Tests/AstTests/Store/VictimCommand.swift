import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport

/// A command for a random kill: its words, and its effect on a tree.
struct VictimCommand: CustomStringConvertible {
  let arguments: [String]
  var input = ""
  var editor = "true"
  /// Its changes: all or none are made, unless it goes node by node.
  private let changes: [(inout ExpectedTree) -> Void]

  var verb: String { arguments.first { !$0.hasPrefix("-") } ?? "" }

  var description: String { arguments.joined(separator: " ") }

  /// The trees that are possible afterwards: the old one, if the command was killed, or the changed one.
  func outcomes(on tree: ExpectedTree, wasKilled: Bool) -> [ExpectedTree] {
    var outcomes = [tree]
    for change in changes {
      var changed = outcomes[outcomes.count - 1]
      change(&changed)
      outcomes.append(changed)
    }
    return wasKilled ? outcomes : outcomes.suffix(1)
  }

  private init(_ arguments: [String], _ changes: [(inout ExpectedTree) -> Void] = []) {
    self.arguments = arguments
    self.changes = changes
  }

  /// A command that is possible for a tree. `number` is different for each command of the test.
  static func random(in tree: ExpectedTree, number: Int, using random: inout SeededGenerator) -> VictimCommand {
    let all = tree.nodes.keys.sorted()
    let workable = all.dropFirst()
    guard let node = workable.randomElement(using: &random), let source = all.randomElement(using: &random) else {
      return making("new", [], 0, under: nil, number)
    }
    // The more nodes there are, the more likely one is deleted.
    if Int.random(in: 0..<all.count, using: &random) > 7 { return delete(node, tree) }
    switch Int.random(in: 0..<17, using: &random) {
    case 0: return making("new", [], 0, under: nil, number)
    case 1: return making("clone", [source], source, under: nil, number)
    case 2: return making("branch", [node], node, under: node, number)
    case 3: return making("cbranch", [node], node, under: tree.nodes[node]?.parent, number)
    case 4:
      let parent = workable.randomElement(using: &random) ?? node
      return making("ubranch", [parent, source], source, under: parent, number)
    case 5: return cloneTree(node, tree)
    case 6: return describe(node, number)
    case 7: return delete(node, tree)
    case 8: return treeRun(node, tree, number)
    case 9: return chroot(node, number)
    case 10: return undo(node, tree) ?? run(node, number)
    case 11: return editConfiguration(node, number)
    case 12:
      return VictimCommand([["tmp"], ["doctor"], ["-y", "gc", "--keep", "1"]].randomElement(using: &random) ?? [])
    case 13: return move(node, under: all.randomElement(using: &random) ?? 0, tree) ?? run(node, number)
    default: return run(node, number)
    }
  }

  private static func making(
    _ verb: String, _ operands: [Int], _ source: Int, under parent: Int?, _ number: Int
  ) -> VictimCommand {
    VictimCommand(
      [verb] + operands.map(String.init) + ["made by \(number)"],
      [
        { $0.add(copyOf: source, under: parent, "made by \(number)") }
      ])
  }

  private static func cloneTree(_ top: Int, _ tree: ExpectedTree) -> VictimCommand {
    VictimCommand(
      ["clone-tree", "\(top)"],
      [
        { changed in
          var copies: [Int: Int] = [:]
          for original in tree.subtree(of: top) {
            guard let node = tree.nodes[original] else { continue }
            copies[original] = changed.next
            changed.add(
              copyOf: original, under: original == top ? node.parent : node.parent.flatMap { copies[$0] },
              original == top ? "clone of \(top)" : node.description)
          }
        }
      ])
  }

  private static func delete(_ top: Int, _ tree: ExpectedTree) -> VictimCommand {
    VictimCommand(
      ["-y", "del", "\(top)"],
      [
        { changed in for node in tree.subtree(of: top) { changed.nodes[node] = nil } }
      ])
  }

  private static func describe(_ node: Int, _ number: Int) -> VictimCommand {
    VictimCommand(
      ["desc", "\(node)", "described by \(number)"],
      [
        { $0.nodes[node]?.description = "described by \(number)" }
      ])
  }

  private static func undo(_ node: Int, _ tree: ExpectedTree) -> VictimCommand? {
    guard let previous = tree.nodes[node]?.previous else { return nil }
    return VictimCommand(["undo", "\(node)"], [{ $0.exchange(previous, in: node) }])
  }

  private static func run(_ node: Int, _ number: Int) -> VictimCommand {
    VictimCommand(["run", "\(node)", "sh", "-c", work(number)], [{ $0.set(\.work, number, in: node) }])
  }

  /// Moves a node; to the top instead of under the base. Nil if it cannot be there, or is there.
  private static func move(_ node: Int, under parent: Int, _ tree: ExpectedTree) -> VictimCommand? {
    let place = parent == 0 ? nil : parent
    guard !tree.subtree(of: node).contains(parent), tree.nodes[node]?.parent != place else { return nil }
    return VictimCommand(
      ["move", "\(node)"] + (place.map { ["--under", "\($0)"] } ?? ["--top"]), [{ $0.nodes[node]?.parent = place }])
  }

  private static func treeRun(_ top: Int, _ tree: ExpectedTree, _ number: Int) -> VictimCommand {
    VictimCommand(
      ["tree-run", "\(top)", "sh", "-c", work(number)],
      tree.subtree(of: top).map { node in { $0.set(\.work, number, in: node) } })
  }

  private static func chroot(_ node: Int, _ number: Int) -> VictimCommand {
    var command = VictimCommand(["chroot", "\(node)"], [{ $0.set(\.work, number, in: node) }])
    command.input = "\(work(number))\nexit 0\n"
    return command
  }

  private static func editConfiguration(_ node: Int, _ number: Int) -> VictimCommand {
    var command = VictimCommand(["edit-conf", "\(node)"], [{ $0.set(\.settings, number, in: node) }])
    command.editor = "sh -c 'echo \"#\(number)\" >\"$1\"' sh"
    return command
  }
}

extension VictimCommand {
  /// The script that gives a node a content: several files, so that incomplete work can be detected.
  static func work(_ content: Int) -> String {
    "mkdir -p /content; for file in 1 2 3 4 5 6 7 8; do echo \(content) >/content/$file; done"
  }

  /// The content of a node, from two of the files; checksums do the thorough check.
  static func content(of directory: FilePath) -> ExpectedTree.Content {
    let (first, last) = (number(in: "content/1", directory), number(in: "content/8", directory))
    return ExpectedTree.Content(work: first == last ? first : -1, settings: number(in: "etc/ast/node.toml", directory))
  }

  /// The number in a file, possibly in a comment; 0 if there is no file, -1 for any other content.
  private static func number(in file: FilePath, _ directory: FilePath) -> Int {
    let path = directory.pushing(file).string
    guard FileManager.default.fileExists(atPath: path) else { return 0 }
    return (try? String(contentsOfFile: path, encoding: .utf8)).flatMap { Int($0.drop { $0 == "#" }.dropLast()) } ?? -1
  }
}
