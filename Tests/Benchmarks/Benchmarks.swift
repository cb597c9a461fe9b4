// swift build -c release --static-swift-stdlib --product ast && swift run -c release Benchmarks
//
// As root, on a machine that does nothing else. Measures the first product, which the second finds beside itself.

import Btrfs
import Glibc
import SystemPackage
import TestSupport

/// Times what ast does against the plain way to do the same. What counts are the ratios: each is the median over turns
/// in which both ways were timed, one after the other.
@main
enum Benchmarks {
  static func main() {
    do {
      let place = try Playground()
      say(
        "The stripped static binary: \((Double(place.size) / 1e6).text) MB, target 22: "
          + (place.size < 22_000_000 ? "met" : "MISSED"))
      try start(place)
      try tree(place)
      try clone(place)
      try delete(place)
      try runInNode(place)
      try cloneTree(place)
      try WallBenchmarks(place).run()
      try PackageBenchmarks(place).run()
    } catch {
      say("Benchmarks: \(error)")
      exit(1)
    }
    exit(0)
  }

  /// Starting: what every verb costs at least.
  private static func start(_ place: Playground) throws {
    try Comparison(
      title: "Start", turns: 200,
      ways: [
        .init("btrfs --version") { _ in try Stopwatch.time(["btrfs", "--version"]) },
        .init("ast version", target: 2) { _ in try place.time("version") },
        // 3: this machine does not run from the store.
        .init("ast current", target: 2) { _ in try place.time("current", expecting: [0, 3]) },
      ]
    ).print()
  }

  /// Listing a large tree.
  private static func tree(_ place: Playground) throws {
    let large = try LargeTree(nodes: 10_000, in: place.disk)
    let select = "select id,parent,description from node order by id"
    try Comparison(
      title: "Tree of 10 000 nodes", turns: 50,
      ways: [
        .init("sqlite3 DB '\(select)'") { _ in try Stopwatch.time(["sqlite3", large.copy.string, select]) },
        .init("ast tree", target: 2) { _ in try place.time("tree", "--store", large.store.string) },
      ]
    ).print()
  }

  /// A new node, durable when the command returns.
  private static func clone(_ place: Playground) throws {
    try Comparison(
      title: "Clone",
      ways: [
        .init("btrfs subvolume snapshot -r") { turn in
          try Stopwatch.time(
            ["btrfs", "subvolume", "snapshot", "-r", place.base.path.string, place.plain("tool", turn).string])
        },
        .init("ast clone 0", target: 1.5) { _ in try place.time("clone", "0") },
        .init("the ioctl alone, in this process") { turn in
          try ContinuousClock().measure { _ = try place.base.snapshot(to: place.plain("ioctl", turn), readOnly: true) }
        },
      ], before: place.settle
    ).print()
  }

  /// A node's end.
  private static func delete(_ place: Playground) throws {
    try Comparison(
      title: "Delete",
      ways: [
        .init("btrfs subvolume delete") { turn in
          let victim = try place.base.snapshot(to: place.plain("victim", turn), readOnly: true)
          try place.settle()
          return try Stopwatch.time(["btrfs", "subvolume", "delete", victim.path.string])
        },
        .init("btrfs subvolume delete --commit-after") { turn in
          let victim = try place.base.snapshot(to: place.plain("committed", turn), readOnly: true)
          try place.settle()
          return try Stopwatch.time(["btrfs", "subvolume", "delete", "--commit-after", victim.path.string])
        },
        .init("ast del") { _ in
          let node = try place.make("clone", "0")
          try place.settle()
          return try place.time("del", "-y", node)
        },
      ]
    ).print()
  }

  /// A program in a node.
  private static func runInNode(_ place: Playground) throws {
    for (title, command) in [("Run: nothing changed", ["true"]), ("Run: a file changed", ["touch", "/etc/stamp"])] {
      let node = try place.make("clone", "0")
      try Comparison(
        title: title,
        ways: [
          .init("btrfs snapshot, chroot, btrfs property set, sync -f") { turn in
            try plainRun(place, command, at: place.plain(command[0], turn))
          },
          .init("ast run N \(command.joined(separator: " "))") { _ in
            try place.time(["run", node] + command)
          },
        ], before: place.settle
      ).print()
    }
  }

  private static func plainRun(_ place: Playground, _ command: [String], at path: FilePath) throws -> Duration {
    try [
      ["btrfs", "subvolume", "snapshot", place.base.path.string, path.string],
      ["chroot", path.string] + command,
      ["btrfs", "property", "set", path.string, "ro", "true"],
      ["sync", "-f", path.string],
    ].reduce(.zero) { try $0 + Stopwatch.time($1) }
  }

  /// A whole tree at once: against the bare ioctls, and whether the time for a node stays what it is.
  private static func cloneTree(_ place: Playground) throws {
    let top = try place.make("new", "tree to clone")
    var nodes = [top]
    for count in [250, 500, 1000] {
      while nodes.count < count {
        nodes.append(try place.make("branch", nodes[(nodes.count - 1) / 3]))
      }
      try Comparison(
        title: "Clone a tree of \(count) nodes", turns: 3,
        ways: [
          .init("\(count) ioctls alone, in this process") { turn in
            try ContinuousClock().measure {
              for index in 0..<count {
                _ = try place.base.snapshot(to: place.plain("loop-\(count)-\(turn)", index), readOnly: true)
              }
            }
          },
          .init("ast clone-tree \(top)") { _ in
            let time = try place.time("clone-tree", top)
            say("    \((time.milliseconds / Double(count)).text) ms a node")
            return time
          },
        ], before: place.settle
      ).print()
    }
  }
}
