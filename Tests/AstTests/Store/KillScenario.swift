import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// A command to be killed at each of its fail points, and its starting state.
struct KillScenario: Sendable, CustomTestStringConvertible {
  /// The states that are allowed after a kill.
  enum Outcome: Sendable {
    /// The complete old state before the last commit, the complete new one after it.
    case oneCommit
    /// Each node is old or new, because each has its own transaction.
    case nodeByNode
    /// The store exists or not; until it does, the command is simply run again.
    case again
  }

  /// The arguments of ast. The first one that is a verb names the scenario's verb.
  let arguments: [String]
  var name: String?
  var input = ""
  var environment: [String: String] = [:]
  var status: Int32 = 0
  var outcome = Outcome.oneCommit
  /// Whether it starts from the usual store: 0, 1 with two generations, 2 below 1.
  var hasStore = true
  /// Whether the store is on a disk that a machine could start from, with deployments 1 and 2 of node 1 and a node 2
  /// that can be deployed.
  var isOnBootDisk = false
  /// Whether the command works on the remains of killed commands.
  var startsFromLeftovers = false
  /// Whether a kill can leave registered accounts that no node has. This is correct, but a different start for the next
  /// kill.
  var registersAccounts = false
  /// Whether it changes things that are not compared, such as old generations or the place of files on the disk, so that
  /// a kill can leave a different start for the next kill.
  var changesTheUnseen = false
  /// Whether the attendant of an open transaction does the work, and is killed.
  var isDoneByAttendant = false
  /// The commands that make the starting state.
  var prepare: @Sendable (TestStore) throws -> Void = { _ in }
  /// Damage that is done after the starting state was read, because ast cannot read the store then.
  var damage: @Sendable (TestStore) throws -> Void = { _ in }

  init(_ arguments: String...) { self.arguments = arguments }

  /// The verb.
  var verb: String { arguments.first { !$0.hasPrefix("-") } ?? "" }

  var testDescription: String { name ?? arguments.joined(separator: " ") }

  /// The same scenario with something changed.
  func with(_ change: (inout KillScenario) -> Void) -> KillScenario {
    var copy = self
    change(&copy)
    return copy
  }

  /// A store in the starting state; only a directory if the command makes the store.
  func newStore() throws -> TestStore {
    guard hasStore else { return TestStore(existing: try LoopBtrfs.shared.newDirectory()) }
    if isOnBootDisk { return try newBootDisk() }
    let store = try TestStore()
    try store.ast("clone", "0", "one").expectSuccess()
    try store.ast("branch", "1", "two").expectSuccess()
    try store.ast("run", "1", "touch", "/first").expectSuccess()
    // Run the next command, which finishes what follows a commit, so that every store is in the same state.
    try store.ast("tmp").expectSuccess()
    try prepare(store)
    return store
  }

  private func newBootDisk() throws -> TestStore {
    let disk = try BootDisk()
    var store = disk.store
    store.ground = disk
    try store.ast("clone", "1", "two").expectSuccess()
    try store.ast("run", "2", "touch", "/second").expectSuccess()
    for _ in 0..<2 { try store.ast("deploy", "1").expectSuccess() }
    try store.ast("tmp").expectSuccess()
    try prepare(store)
    return store
  }

  /// Whether it can be killed again in the same store if the first kill has changed nothing.
  var canBeRepeated: Bool { outcome != .again && !startsFromLeftovers && !registersAccounts && !changesTheUnseen }
}

extension KillScenario {
  /// At least one for each verb that changes something.
  static let all: [KillScenario] = making + working + opening + keeping + booting

  private static let making: [KillScenario] = [
    KillScenario("new", "fresh"),
    KillScenario("clone", "1", "copy"),
    KillScenario("branch", "2", "leaf"),
    KillScenario("cbranch", "2", "twin"),
    KillScenario("ubranch", "2", "1", "graft"),
    KillScenario("clone-tree", "1"),
    KillScenario("desc", "2", "other", "words"),
    KillScenario("tag", "1@1", "first"),
    KillScenario("tag", "--delete", "first").with {
      $0.prepare = { store in
        try store.ast("tag", "1@1", "first").expectSuccess()
        try store.ast("tmp").expectSuccess()
      }
    },
    KillScenario("pin", "1@1").with { $0.name = "pin of a generation" },
    KillScenario("move", "2", "--top"),
    KillScenario("move", "1", "--under", "3").with {
      $0.name = "move under a higher number"
      $0.prepare = { store in
        try store.ast("clone", "0", "three").expectSuccess()
        try store.ast("tmp").expectSuccess()
      }
    },
    KillScenario("-y", "del", "1"),
    KillScenario("clone", "1", "copy").with {
      $0.name = "clone after a killed clone-tree and run"
      $0.startsFromLeftovers = true
      $0.prepare = leaveStrays
    },
  ]

  private static let working: [KillScenario] = [
    KillScenario("chroot", "1").with { $0.input = "echo changed > /second\nexit 0\n" },
    KillScenario("run", "1", "touch", "/second"),
    KillScenario("run", "1", "touch", "/fifth").with {
      $0.name = "run that retires a generation"
      $0.prepare = { store in
        for file in ["/second", "/third", "/fourth"] { try store.ast("run", "1", "touch", file).expectSuccess() }
        try store.ast("tmp").expectSuccess()
      }
    },
    KillScenario("run", "1", "sh", "-c", "echo green:x:100:100::/:/bin/sh >>/etc/passwd").with {
      $0.name = "run that makes an account whose number another node has given"
      $0.registersAccounts = true
      $0.prepare = { store in
        try store.ast("run", "2", "sh", "-c", "echo red:x:100:100::/:/bin/sh >>/etc/passwd").expectSuccess()
        try store.ast("tmp").expectSuccess()
      }
    },
    KillScenario("run", "1", "sh", "-c", "touch /second; exit 3").with { $0.status = 3 },
    KillScenario("run", "1", "true"),
    KillScenario("tree-run", "1", "touch", "/second").with { $0.outcome = .nodeByNode },
    KillScenario("edit-conf", "1").with {
      $0.environment = ["VISUAL": "sh -c 'echo \"#changed\" >\"$1\"' sh"]
    },
    KillScenario("ast-sync", "1"),
    KillScenario("undo", "1"),
    KillScenario("undo", "--operation", "t6").with {
      $0.name = "undo of a command in two nodes"
      $0.prepare = { store in
        try store.ast("tree-run", "1", "touch", "/second").expectSuccess()
        try store.ast("tmp").expectSuccess()
      }
    },
    KillScenario("config", "-N", "1", "--set", "updates.policy=off", "--set", "updates.clone-before=true"),
    KillScenario("config", "-y", "-N", "1", "--set", "boot.sign-modules=true"),
    KillScenario("restore", "1@3", "/first", "/gone").with {
      $0.prepare = { store in
        try store.ast("run", "1", "sh", "-c", "mkdir /gone; touch /gone/a").expectSuccess()
        try store.ast("run", "1", "sh", "-c", "rm -r /first /gone; mkdir /gone; touch /gone/b").expectSuccess()
        try store.ast("tmp").expectSuccess()
      }
    },
  ]

  private static let opening: [KillScenario] = [
    KillScenario("open", "1"),
    KillScenario("close", "t5").with { $0.prepare = { try openAndTouch($0) } },
    KillScenario("close", "t5").with {
      $0.name = "close that changes nothing"
      $0.prepare = { try $0.ast("open", "1").expectSuccess() }
    },
    KillScenario("abort", "t5").with { $0.prepare = { try openAndTouch($0) } },
  ].map {
    $0.with {
      $0.isDoneByAttendant = true
      // The transaction of the starting state is gone.
      $0.changesTheUnseen = true
    }
  }

  private static func openAndTouch(_ store: TestStore) throws {
    try store.ast("open", "1").expectSuccess()
    try store.ast("call", "t5", "touch", "/second").expectSuccess()
  }

  private static let booting: [KillScenario] = [
    KillScenario("deploy", "2"),
    KillScenario("deploy", "--once", "2"),
    KillScenario("deploy", "2").with {
      $0.name = "deploy that retires a deployment"
      $0.prepare = { try $0.ast("deploy", "1").expectSuccess() }
    },
    KillScenario("deploy", "2").with {
      $0.name = "deploy after a killed deploy"
      $0.startsFromLeftovers = true
      $0.prepare = { try $0.kill(["deploy", "1"], at: "deployment renamed") }
    },
    KillScenario("-y", "gc").with {
      $0.name = "gc of old deployments"
      $0.changesTheUnseen = true
      $0.prepare = leaveOldDeployments
    },
    KillScenario("rollback", "--to", "1"),
    KillScenario("etc-update").with {
      $0.prepare = { try runSuccessfully(["sh", "-c", "echo mine >$0", "\($0.root)/deploy/2/root/etc/mine"]) }
    },
    KillScenario("pin", "1"),
    KillScenario("unpin", "1").with { $0.prepare = { try $0.ast("pin", "1").expectSuccess() } },
    KillScenario("run", "1", "touch", "/third").with { $0.name = "run of a node that is in the boot menu" },
    KillScenario("-y", "del", "2").with { $0.name = "del of a node that is in the boot menu" },
    KillScenario("-y", "del", "d3").with {
      $0.name = "del of a deployment"
      $0.prepare = { try $0.ast("deploy", "--no-default", "1").expectSuccess() }
    },
  ].map { $0.with { $0.isOnBootDisk = true } }

  private static let keeping: [KillScenario] = [
    KillScenario("tmp").with {
      $0.name = "tmp after a killed del and run"
      $0.startsFromLeftovers = true
      $0.prepare = leaveDoomed
    },
    KillScenario("tmp").with {
      $0.name = "tmp after a run that was killed before its commit"
      $0.startsFromLeftovers = true
      $0.prepare = leaveSealed
    },
    KillScenario("-y", "gc", "--keep", "1").with {
      $0.name = "gc of old generations"
      $0.changesTheUnseen = true
      $0.prepare = leaveOldGenerations
    },
    KillScenario("-y", "gc", "--cache").with {
      $0.changesTheUnseen = true
      $0.prepare = { store in
        let script = """
          cd "$0" && mkdir -p cache/apt/packages cache/apt/partial cache/apt/indices/1/lists ast/lists/1
          touch cache/apt/packages/sha256-0 cache/apt/indices/1/lists/a ast/lists/1/a
          """
        try runSuccessfully(["sh", "-c", script, store.root.string])
      }
    },
    KillScenario("dedupe").with {
      $0.changesTheUnseen = true
      $0.prepare = installEqualPackages
    },
    KillScenario("-y", "gc").with {
      $0.name = "gc after a killed del and run"
      $0.startsFromLeftovers = true
      $0.prepare = leaveDoomed
    },
    KillScenario("doctor").with {
      $0.name = "doctor after a killed clone-tree and run"
      $0.startsFromLeftovers = true
      $0.prepare = leaveStrays
    },
    KillScenario("doctor", "--rebuild").with {
      $0.outcome = .again
      $0.damage = overwriteDatabase
    },
    KillScenario("doctor", "--rebuild").with {
      $0.name = "doctor --rebuild without a database"
      $0.outcome = .again
      $0.damage = { try runSuccessfully(["rm", $0.root.appending("ast/tree.sqlite").string]) }
    },
    KillScenario("init", "--directory", (try? TinyRoot.path.string) ?? "").with {
      $0.name = "init --directory"
      $0.hasStore = false
      $0.outcome = .again
    },
    KillScenario("init", "--suite", "bookworm", "--mirror", "http://localhost/").with {
      $0.name = "init --suite"
      $0.hasStore = false
      $0.outcome = .again
      $0.environment = ["PATH": "\(standInForBootstrap):\(plainEnvironment["PATH"] ?? "")"]
    },
  ]

  /// The remains of two killed commands: the clone of a transaction, and new nodes without a row.
  @Sendable private static func leaveStrays(in store: TestStore) throws {
    let run = try store.start(["run", "1", "sh", "-c", "touch /lost; sleep 1000"])
    try eventually("the run") {
      try !runSuccessfully(["find", "\(store.root)/nodes/1/", "-maxdepth", "2", "-name", "lost"]).isEmpty
    }
    try store.kill(["clone-tree", "1"], at: "before the commit")
    run.send(SIGKILL)
    _ = try run.wait()
  }

  /// The remains of two killed commands: the clone of a transaction, and subvolumes whose rows are gone.
  @Sendable private static func leaveDoomed(in store: TestStore) throws {
    try store.ast("clone", "0", "doomed").expectSuccess()
    try store.ast("branch", "3", "doomed too").expectSuccess()
    let run = try store.start(["run", "1", "sh", "-c", "touch /lost; sleep 1000"])
    try eventually("the run") {
      try !runSuccessfully(["find", "\(store.root)/nodes/1/", "-maxdepth", "2", "-name", "lost"]).isEmpty
    }
    try store.kill(["-y", "del", "3"], at: "committed")
    run.send(SIGKILL)
    _ = try run.wait()
  }

  /// The same package in two nodes that do not share its files, because dpkg's database is written first.
  @Sendable private static func installEqualPackages(in store: TestStore) throws {
    let entry = #"printf '\nPackage: new\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n'"#
    let sum = String(repeating: "0123456789abcdef", count: 2)
    for node in ["1", "2"] {
      for script in [
        "mkdir -p /var/lib/dpkg/info; \(entry) >>/var/lib/dpkg/status",
        "head -c 100000 /dev/zero >/data; echo '\(sum)  data' >/var/lib/dpkg/info/new.md5sums",
      ] {
        try store.ast("run", node, "bash", "-euc", script).expectSuccess()
      }
    }
    try store.ast("tmp").expectSuccess()
  }

  /// More generations of two nodes than are kept.
  @Sendable private static func leaveOldGenerations(in store: TestStore) throws {
    for node in ["1", "2"] {
      for file in ["/second", "/third"] { try store.ast("run", node, "touch", file).expectSuccess() }
    }
    try store.ast("tmp").expectSuccess()
  }

  /// More deployments than are kept, one of them of a generation that only it needs.
  @Sendable private static func leaveOldDeployments(in store: TestStore) throws {
    for deployment in ["1", "2"] { try store.ast("pin", deployment).expectSuccess() }
    for file in ["/third", "/fourth", "/fifth", "/sixth"] {
      try store.ast("run", "1", "touch", file).expectSuccess()
      try store.ast("deploy", "1").expectSuccess()
    }
    for deployment in ["1", "2"] { try store.ast("unpin", deployment).expectSuccess() }
    try store.ast("tmp").expectSuccess()
  }

  /// The remains of a run that is killed just before it commits.
  @Sendable private static func leaveSealed(in store: TestStore) throws {
    try store.kill(["run", "1", "touch", "/lost"], at: "sealed")
  }

  /// Overwrites all pages except the first with garbage, after the log was moved into the file.
  @Sendable private static func overwriteDatabase(of store: TestStore) throws {
    let database = store.root.appending("ast/tree.sqlite").string
    try runSuccessfully(["sqlite3", database, "PRAGMA wal_checkpoint(TRUNCATE)"])
    let script = #"dd if=/dev/zero bs=4096 seek=1 conv=notrunc count="$(($(stat -c %s "$1") / 4096 - 1))" of="$1""#
    try runSuccessfully(["sh", "-c", script, "sh", database])
  }

  /// A directory with an `mmdebstrap` that makes the tiny root.
  private static let standInForBootstrap: String = {
    let made = Result {
      let directory = try LoopBtrfs.shared.newDirectory()
      let script = """
        #!/bin/sh
        while [ "$1" != -- ]; do shift; done
        exec tar --create --file "$3" --directory "\(try TinyRoot.path)" .

        """
      let program = directory.appending("mmdebstrap").string
      try Data(script.utf8).write(to: URL(filePath: program))
      try runSuccessfully(["chmod", "+x", program])
      return directory.string
    }
    return (try? made.get()) ?? "/nonexistent"
  }()
}

extension TestStore {
  /// The names of the fail points a command passes, in order.
  func failPoints(
    of arguments: [String], input: String = "", environment: [String: String] = [:], status: Int32 = 0
  ) throws -> [String] {
    let trace = try trace()
    let result = try ast(
      arguments, input: input, environment: environment.merging(["AST_FAIL_TRACE": trace.string]) { $1 })
    guard result.status == status else { throw UnexpectedEnd(arguments: arguments, result: result) }
    return try Self.points(in: trace)
  }

  /// Kills a command at the first fail point of this name.
  func kill(_ arguments: [String], at name: String) throws {
    let result = try ast(arguments, environment: ["AST_FAIL_AT": name])
    guard result.signal == SIGKILL else { throw UnexpectedEnd(arguments: arguments, result: result) }
  }

  /// A file for the names of fail points, beside the store and empty.
  func trace() throws -> FilePath {
    let trace = FilePath("\(root).trace")
    unlink(trace.string)
    return trace
  }

  /// The names a command has written.
  static func points(in trace: FilePath) throws -> [String] {
    guard FileManager.default.fileExists(atPath: trace.string) else { return [] }
    return try String(contentsOfFile: trace.string, encoding: .utf8).split(separator: "\n").map(String.init)
  }
}

/// The error if a command did not end as the test needs.
struct UnexpectedEnd: Error {
  let arguments: [String]
  let result: CommandResult
}
