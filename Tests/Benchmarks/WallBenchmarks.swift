import Btrfs
import Glibc
import SystemPackage
import TestSupport

/// What the walls cost: a network of its own for each transaction, users who read while root works, and calls.
struct WallBenchmarks {
  private let place: Playground

  init(_ place: Playground) { self.place = place }

  var all: [() throws -> Comparison] { [network, readers, calls] }

  /// A program with a network against one without, on a host that has all that is needed.
  private func network() throws -> Comparison {
    let node = try place.make("clone", "0")
    let host = try PlayedHost()
    let settings = place.disk.appending("ast.toml")
    try FileDescriptor.open(settings, .writeOnly, options: .create, permissions: .ownerReadWrite).close()
    // The host is played before the clock starts: this shell prints the time and that of the processor, in seconds.
    let clock = "TIMEFORMAT='%R %U %S'; time \"$@\" >/dev/null 2>&1"
    func way(_ name: String, _ options: [String]) -> Comparison.Way {
      .init(name) { _ in
        let command = ["bash", "-c", clock, "bash", place.ast.string, "--store", place.store.string, "run"]
        let result = try host.run(command + options + [node, "true"], environment: ["AST_CONFIG": settings.string])
        let seconds = result.stderr.split { $0.isWhitespace }.compactMap { Double(String($0)) }
        guard result.status == 0, seconds.count == 3 else { throw Refusal("\(result)") }
        return Sample(wall: seconds[0], processor: seconds[1] + seconds[2])
      }
    }
    var network = Comparison(
      title: "A network of its own", turns: place.options.turns(25),
      ways: [way("ast run --no-network N true", ["--no-network"]), way("ast run N true", [])], before: place.settle)
    network.ways[1].limits = [.wall(1.5), .processor(1.5)]
    return network
  }

  /// Twenty commands of a tenth of a second, each called in an open transaction, against one run of all of them.
  private func calls() throws -> Comparison {
    let node = try place.make("clone", "0")
    // A node need not have seq(1).
    let turns = (1...20).map(String.init).joined(separator: " ")
    let (run, calls) = (
      "\"$0\" run --no-network \(node) sh -c 'for i in \(turns); do sleep 0.1 || exit 1; done'",
      """
      t=$("$0" open --no-network \(node)) || exit 1
      for i in \(turns); do "$0" call $t sleep 0.1 || exit 1; done
      "$0" close $t
      """
    )
    func way(_ name: String, _ script: String) -> Comparison.Way {
      .init(name) { _ in
        try Stopwatch.time(["sh", "-c", script, place.ast.string], environment: place.environment)
      }
    }
    var comparison = Comparison(
      title: "Twenty calls in one transaction", turns: place.options.turns(15),
      ways: [way("ast run N, twenty commands", run), way("ast open N, twenty calls, ast close", calls)],
      before: place.settle)
    comparison.ways[1].limits = [.wall(1.3)]
    return comparison
  }

  /// What a change costs while fifty users look at the tree, each twice a second.
  private func readers() throws -> Comparison {
    let node = try place.make("clone", "0")
    let loop = "while :; do \"$@\" >/dev/null; sleep 0.5; done"
    let users = try (0..<50).map { _ in
      try StartedCommand(
        ["setsid", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", loop, "sh"]
          + [place.ast.string, "--store", place.store.string, "tree"])
    }
    let group = Users(users)
    func way(_ name: String, _ signal: Int32) -> Comparison.Way {
      .init(name) { turn in
        group.send(signal)
        return try Stopwatch.time(
          [place.ast.string, "--store", place.store.string, "desc", node, "turn \(turn)"])
      }
    }
    var readers = Comparison(
      title: "Fifty users read the tree", turns: place.options.turns(50),
      ways: [way("ast desc N, nobody reads", SIGSTOP), way("ast desc N, fifty read", SIGCONT)], before: place.settle)
    readers.ways[1].limits = [.processor(1.1)]
    return readers
  }

  /// Programs that end with this value.
  private final class Users {
    private let users: [StartedCommand]

    init(_ users: [StartedCommand]) { self.users = users }
    deinit { send(SIGKILL) }

    func send(_ signal: Int32) { for user in users { kill(-user.pid, signal) } }
  }
}
