import Btrfs
import Glibc
import SystemPackage
import TestSupport

/// What the walls cost: a network of its own for each transaction, and users who read while root works.
struct WallBenchmarks {
  private let place: Playground

  init(_ place: Playground) { self.place = place }

  func run() throws {
    try network()
    try readers()
  }

  /// A program with a network against one without, on a host that has all that is needed.
  private func network() throws {
    let node = try place.make("clone", "0")
    let host = try PlayedHost()
    let settings = place.disk.appending("ast.toml")
    try FileDescriptor.open(settings, .writeOnly, options: .create, permissions: .ownerReadWrite).close()
    // The host is played before the clock starts: this shell prints the time and that of the processor, in seconds.
    let clock = "TIMEFORMAT='%R %U %S'; time \"$@\" >/dev/null 2>&1"
    func measured(_ options: [String]) throws -> [Double] {
      let command = ["bash", "-c", clock, "bash", place.ast.string, "--store", place.store.string, "run"]
      let environment = ["AST_CONFIG": settings.string]
      let result = try host.run(command + options + [node, "true"], environment: environment)
      let seconds = result.stderr.split { $0.isWhitespace }.compactMap { Double(String($0)) }
      guard result.status == 0, seconds.count == 3 else { throw Refusal("\(result)") }
      return seconds
    }
    for (title, figures) in [("time", 0..<1), ("time of the processor", 1..<3)] {
      func way(_ name: String, _ options: [String], target: Double? = nil) -> Comparison.Way {
        .init(name, target: target) { _ in try .seconds(measured(options)[figures].reduce(0, +)) }
      }
      try Comparison(
        title: "A network of its own: \(title)",
        ways: [
          way("ast run --no-network N true", ["--no-network"]), way("ast run N true", [], target: 1.5),
          .init("sha256sum of 100 MB") { _ in
            try Stopwatch.time(["sh", "-c", "head -c 100000000 /dev/zero | sha256sum"])
          },
        ], before: place.settle
      ).print()
    }
  }

  /// What a change costs while fifty users look at the tree, each twice a second.
  private func readers() throws {
    let node = try place.make("clone", "0")
    let loop = "while :; do \"$@\" >/dev/null; sleep 0.5; done"
    let users = try (0..<50).map { _ in
      try StartedCommand(
        ["setsid", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", loop, "sh"]
          + [place.ast.string, "--store", place.store.string, "tree"])
    }
    defer { for user in users { kill(-user.pid, SIGKILL) } }
    func way(_ name: String, _ signal: Int32, target: Double? = nil) -> Comparison.Way {
      .init(name, target: target) { turn in
        for user in users { kill(-user.pid, signal) }
        return try Stopwatch.measure(
          [place.ast.string, "--store", place.store.string, "desc", node, "turn \(turn)"]
        ).processor
      }
    }
    try Comparison(
      title: "Fifty users read the tree: time of the processor that a change takes", turns: 50,
      ways: [way("ast desc N, nobody reads", SIGSTOP), way("ast desc N, fifty read", SIGCONT, target: 1.1)],
      before: place.settle
    ).print()
  }
}
