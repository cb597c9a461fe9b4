import Btrfs
import SystemPackage
import TestSupport

/// Whole trees: copied, cleaned up, deleted.
struct TreeBenchmarks {
  private let place: Playground
  private let count: Int

  init(_ place: Playground) {
    self.place = place
    count =
      switch place.options.size {
      case .quick: 64
      case .usual: 256
      case .full: 1_201
      }
  }

  var all: [() throws -> Comparison] { [copy, delete] }

  /// A tree of `count` nodes, whose top is returned.
  private func makeTree() throws -> String {
    let top = try place.make("new", "tree to clone")
    for index in 1..<count {
      try place.run("branch", index < 4 ? top : "\((Int(top) ?? 0) + index / 3)")
    }
    return top
  }

  private func copy() throws -> Comparison {
    let top = try makeTree()
    var copy = Comparison(
      title: "Clone a tree of \(count) nodes", turns: 3,
      ways: [
        .init("\(count) ioctls alone, in this process") { turn in
          try Stopwatch.time {
            for index in 0..<count {
              _ = try place.base.snapshot(to: place.plain("loop-\(turn)", index), readOnly: true)
            }
          }
        }
      ], before: place.settle)
    copy.add("ast clone-tree N", .against(0.08), .flushes(100), in: place) { ast, _ in
      try place.time(ast, "clone-tree", top)
    }
    return copy
  }

  private func delete() throws -> Comparison {
    let top = try makeTree()
    var delete = Comparison(
      title: "Delete a tree of \(count) nodes", turns: 3,
      ways: [
        .init("btrfs subvolume delete --commit-after") { turn in
          let victims = (0..<count).map { place.plain("gone-\(turn)", $0) }
          for victim in victims { _ = try place.base.snapshot(to: victim, readOnly: true) }
          try place.settle()
          return try Stopwatch.time(["btrfs", "subvolume", "delete", "--commit-after"] + victims.map(\.string))
        }
      ], before: place.settle)
    delete.add("ast del N", .flushes(100), in: place) { ast, _ in
      let copy = try place.make("clone-tree", top)
      try place.settle()
      return try place.time(ast, "del", "-y", copy)
    }
    return delete
  }
}
