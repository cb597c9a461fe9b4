import FoundationEssentials
import SnapshotTree
import SystemPackage
import Upkeep

/// The text that shows what `gc` would delete, and what it has deleted.
enum GarbageView {
  /// A line for each thing, under a heading for each kind; empty for nothing.
  static func plan(_ garbage: Garbage, in root: FilePath) -> String {
    let left =
      garbage.dead.map { "remains of `\(Printable.line($0.command))` (t\($0.id))" }
      + garbage.undeleted.map { Printable.line($0.string) }
    let blocks = [
      block("Generations", lines(garbage.generations)),
      block(
        "Deployments", garbage.deployments.map { "\($0.id) of node \($0.node), \(age($0.created)) old" }),
      block("Package cache", cache(garbage.packageFiles, garbage.packageBytes, garbage.indices, garbage.hasLists)),
      block("Left over", left), spare(garbage),
    ]
    return blocks.compactMap(\.self).joined(separator: "\n")
  }

  /// What the deletion of generations and deployments frees; empty if there are none, or if it is not known.
  static func lines(freed: Int64?, by garbage: Garbage) -> [String] {
    let kinds = [("generations", garbage.generations.isEmpty), ("deployments", garbage.deployments.isEmpty)]
    let words = kinds.filter { !$0.1 }.map(\.0).joined(separator: " and ")
    guard let freed, !words.isEmpty else { return [] }
    return ["Deleting these \(words) frees \(Quantity.bytes(freed))."]
  }

  /// What else could be deleted, and the options that do it.
  ///
  /// - Parameter cache: the bytes in the package cache.
  static func notes(_ garbage: Garbage, _ options: GarbageOptions, cache: Int64) -> [String] {
    let spared = Dictionary(grouping: garbage.sparedForRestoration, by: \.node).sorted { $0.key < $1.key }
    return spared.map { node, generations in
      "\(count(generations.count, "old generation")) of node \(node) \(generations.count == 1 ? "is" : "are")"
        + " kept after `ast restore`, until its next change; `ast gc --keep \(options.generations)` deletes \(generations.count == 1 ? "it" : "them") now."
    }
      + (cache == 0
        ? []
        : [
          "The package cache has \(Quantity.bytes(cache))\(options.emptiesCache ? "." : "; `ast gc --cache` empties it.")"
        ])
  }

  /// The result, in a sentence or two.
  static func result(_ done: CollectedGarbage, minimumFree: Int64?) -> String {
    let counts = [
      (done.generations.count, "generation"), (done.deployments.count, "deployment"),
    ].filter { $0.0 > 0 }.map { count($0.0, $0.1) }
    let deleted = counts + cache(done.packageFiles, done.packageBytes, done.indices, done.hasDeletedLists)
    var lines = done.cleared.map { "Cleaned up after `\(Printable.line($0.command))` (t\($0.id))." }
    if !deleted.isEmpty { lines.append("Deleted: \(deleted.joined(separator: ", ")).") }
    if lines.isEmpty { lines.append(done.undeleted.isEmpty ? "Nothing to delete." : "Nothing was deleted.") }
    lines += done.undeleted.map { "\(Printable.line($0.string)) cannot be deleted; the next command tries again." }
    if done.interruption != nil { lines.append("Interrupted before everything was deleted.") }
    if let free = done.free, let minimumFree {
      let wanted = done.isShort ? ", not \(Quantity.bytes(minimumFree)): nothing else can be deleted" : ""
      lines.append("\(Quantity.bytes(free)) are free\(done.interruption == nil ? wanted : "").")
    }
    return lines.joined(separator: "\n")
  }

  private static func spare(_ garbage: Garbage) -> String? {
    guard garbage.isShort, let wanted = garbage.minimumFree else { return nil }
    let heading =
      "Until \(Quantity.bytes(wanted)) are free (\(Quantity.bytes(garbage.free)) are now), the package cache, then"
    return block(
      heading, garbage.spare.isEmpty ? ["nothing: no other generation can be deleted"] : lines(garbage.spare))
  }

  private static func lines(_ generations: [Generation]) -> [String] {
    generations.map { "\($0.number) of node \($0.node), \(age($0.created)) old" }
  }

  private static func cache(_ files: Int, _ bytes: Int64, _ indices: Int, _ lists: Bool) -> [String] {
    (files == 0 ? [] : ["\(count(files, "package file")) (\(Quantity.bytes(bytes)))"])
      + (indices == 0 ? [] : [count(indices, "set") + " of package indices"])
      + (lists ? ["the lists that `ast search` reads"] : [])
  }

  private static func block(_ heading: String, _ lines: [String]) -> String? {
    lines.isEmpty ? nil : "\(heading):\n" + lines.map { "  \($0)" }.joined(separator: "\n")
  }

  private static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

  private static func age(_ created: Date) -> String { Quantity.age(from: created, to: Date()) }
}
