import Btrfs
import SystemPackage
import TestSupport

/// One node: made, deleted, worked in.
struct NodeBenchmarks {
  private let place: Playground

  init(_ place: Playground) { self.place = place }

  var all: [() throws -> Comparison] {
    [
      clone, delete, { try work("nothing changed", ["true"], flushes: 4) },
      { try work("a file changed", ["touch", "/etc/stamp"], flushes: 8) },
    ]
  }

  /// A new node, durable when the command returns.
  private func clone() throws -> Comparison {
    var clone = Comparison(
      title: "Clone", turns: place.options.turns(25),
      ways: [
        .init("btrfs subvolume snapshot -r") { turn in
          try Stopwatch.time(
            ["btrfs", "subvolume", "snapshot", "-r", place.base.path.string, place.plain("tool", turn).string])
        },
        .init("the ioctl alone, in this process") { turn in
          try Stopwatch.time { _ = try place.base.snapshot(to: place.plain("ioctl", turn), readOnly: true) }
        },
      ], before: place.settle)
    clone.add("ast clone 0", .wall(2), .flushes(2), in: place) { ast, _ in try place.time(ast, "clone", "0") }
    return clone
  }

  /// A node's end.
  private func delete() throws -> Comparison {
    func plain(_ name: String, _ options: [String]) -> Comparison.Way {
      .init((["btrfs", "subvolume", "delete"] + options).joined(separator: " ")) { turn in
        let victim = try place.base.snapshot(to: place.plain(name, turn), readOnly: true)
        try place.settle()
        return try Stopwatch.time(["btrfs", "subvolume", "delete"] + options + [victim.path.string])
      }
    }
    var delete = Comparison(
      title: "Delete", turns: place.options.turns(25),
      ways: [plain("committed", ["--commit-after"]), plain("victim", [])])
    delete.add("ast del", in: place) { ast, _ in
      let node = try place.make("clone", "0")
      try place.settle()
      return try place.time(ast, "del", "-y", node)
    }
    return delete
  }

  /// A program in a node.
  private func work(_ what: String, _ command: [String], flushes: Int) throws -> Comparison {
    let node = try place.make("clone", "0")
    var work = Comparison(
      title: "Run: \(what)", turns: place.options.turns(25),
      ways: [
        .init("btrfs snapshot, chroot, btrfs property set, sync -f") { turn in
          let path = place.plain(command[0], turn).string
          return try [
            ["btrfs", "subvolume", "snapshot", place.base.path.string, path],
            ["chroot", path] + command, ["btrfs", "property", "set", path, "ro", "true"], ["sync", "-f", path],
          ].reduce(Sample()) { try $0 + Stopwatch.time($1) }
        }
      ], before: place.settle)
    work.add("ast run N \(command.joined(separator: " "))", .flushes(flushes), in: place) { ast, _ in
      try place.time(ast, ["run", node] + command)
    }
    return work
  }
}
