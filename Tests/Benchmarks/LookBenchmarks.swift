import SystemPackage
import TestSupport

/// Verbs that only look: what every verb costs at least, and what a large tree costs.
struct LookBenchmarks {
  private let place: Playground

  init(_ place: Playground) { self.place = place }

  var all: [() throws -> Comparison] { [start, tree] }

  private func start() throws -> Comparison {
    var start = Comparison(
      title: "Start", turns: place.options.turns(100),
      ways: [.init("btrfs --version") { _ in try Stopwatch.time(["btrfs", "--version"]) }])
    start.add("ast version", .processor(2), in: place) { ast, _ in try place.time(ast, "version") }
    start.add("ast tree", .processor(3), in: place) { ast, _ in try place.time(ast, "tree") }
    start.add("ast status", in: place) { ast, _ in try place.time(ast, "status") }
    // 3: this machine does not run from the store.
    start.add("ast current", in: place) { ast, _ in try place.time(ast, "current", expecting: [0, 3]) }
    return start
  }

  private func tree() throws -> Comparison {
    let count = place.options.size == .quick ? 1_000 : 10_000
    let large = try LargeTree(nodes: count, in: place.disk)
    let select = "select id,parent,description from node order by id"
    var tree = Comparison(
      title: "Tree of \(count) nodes", turns: place.options.turns(20),
      ways: [
        .init("sqlite3 DB '\(select)'") { _ in try Stopwatch.time(["sqlite3", large.copy.string, select]) }
      ])
    for (verb, limit) in [
      (["tree"], 2.0), (["tree", "--long"], 5), (["tree", "--json"], 10), (["which", "dpkg"], 4),
    ] {
      tree.add("ast \(verb.joined(separator: " "))", .processor(limit), in: place) { ast, _ in
        try place.time(ast, verb + ["--store", large.store.string], expecting: [0, 3])
      }
    }
    return tree
  }
}
