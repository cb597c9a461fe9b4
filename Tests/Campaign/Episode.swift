import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport

/// What earlier episodes have learnt of the commands.
struct Experience {
  /// How long each verb takes without a kill, in microseconds.
  var durations: [String: Double] = [:]
  /// How many of a system call each verb makes, by both.
  var counts: [String: Int] = [:]
}

/// Commands in a new store, one after the other and side by side, which are killed, in which system calls fail, and
/// for which the disk is full. After each step the store is compared with what it must be.
struct Episode {
  /// What happens to the command of a step.
  private enum Disturbance { case none, kill, error, fullDisk, crowd }

  private let seed: UInt64
  private var random: SeededGenerator
  private let disk: BootDisk
  private var store: FilePath { disk.store.root }
  private var expected = ExpectedStore.first
  private var examination: Examination
  /// How many generations of each node must be there at the next examination.
  private var kept = Self.keptGenerations
  private var number = 0
  private(set) var tally = Tally()
  private(set) var experience: Experience

  /// The default of gc.keep-generations (ast.toml(5)).
  private static let keptGenerations = 3

  init(seed: UInt64, experience: Experience) throws {
    self.seed = seed
    self.experience = experience
    random = SeededGenerator(seed: seed)
    disk = try BootDisk(size: 512 << 20)
    examination = try Examination(beginningWith: disk.store.root)
  }

  /// Does so many steps, up to the first violation, which it returns.
  mutating func run(steps: Int) throws -> Violation? {
    for step in 1...steps {
      let (what, problems) = try self.step()
      let more = try problems.isEmpty && (step.isMultiple(of: 8) || step == steps) ? examine() : []
      guard problems.isEmpty, more.isEmpty else {
        return Violation(seed: seed, step: step, what: what, problems: problems + more)
      }
    }
    return nil
  }

  private mutating func examine() throws -> [String] {
    defer { kept = Self.keptGenerations }
    return try examination.problems(of: FoundStore(store), in: store, keeping: kept)
      + Consistency.findingsOfDoctor(disk.store)
  }

  private mutating func step() throws -> (what: String, problems: [String]) {
    let disturbance: Disturbance =
      switch Int.random(in: 0..<20, using: &random) {
      case 0...1: .none
      case 2...11: .kill
      case 12...16: .error
      case 17: .fullDisk
      default: .crowd
      }
    number += 1
    let operation = Operation.random(on: expected, number: number, using: &random)
    if operation.verb == "gc" { kept = 1 }
    if disturbance == .crowd, operation.kind == .commit { return try crowd(with: operation) }
    let (outcomes, end) =
      switch (operation.kind, disturbance) {
      case (.machine, _), (_, .none), (_, .crowd): try plain(operation)
      case (_, .kill): try kill(operation)
      case (_, .error): try fail(operation)
      case (_, .fullDisk): try fill(operation)
      }
    tally.operations += ["edit", "good"].contains(operation.verb) ? 0 : 1
    let what = "`\(operation)`, \(disturbance): \(end)"
    guard let outcomes else { return (what, ["it must not end so"]) }
    let before = expected
    let (problems, steps) = try settle(outcomes)
    if operation.verb != "edit" { tally.merges += expected.merges(since: before) }
    if end == Self.killed, steps > 0 { tally.killsAfterCommit += 1 }
    return (what, problems)
  }

  private static let killed = "killed"

  /// Runs the next command, and finds out which of the possible states there is.
  ///
  /// - Returns: what is wrong, and the place of that state among the possible ones.
  private mutating func settle(_ outcomes: [ExpectedStore]) throws -> (problems: [String], place: Int) {
    let next = try run(Operation.next.command(on: store))
    guard next.status == 0 else { return (["the next command: \(next)"], 0) }
    let found = try FoundStore(store)
    let differences = outcomes.map { $0.difference(from: found) }
    guard let place = differences.firstIndex(of: nil) else { return (differences.compactMap(\.self), 0) }
    expected = outcomes[place].without(retiredSince: found)
    return (try Consistency.problems(of: disk.store), place)
  }

  // MARK: One command

  /// The states that are possible after a command, nil if it must not end as it did, and how it ended.
  private typealias End = (outcomes: [ExpectedStore]?, end: String)

  private func plain(_ operation: Operation) throws -> End {
    let end = try run(operation.command(on: store))
    return (outcomes(of: operation, end), "\(end)")
  }

  /// The states that are possible after an end that was not disturbed; nil if it may not end so.
  private func outcomes(
    of operation: Operation, _ end: CommandResult, failures: Set<Int32> = []
  ) -> [ExpectedStore]? {
    guard let status = end.status else { return nil }
    if status == 0 { return operation.outcomes(on: expected).suffix(1) }
    if operation.refusals.contains(status) { return [expected] }
    // A start says what is wrong to the kernel's log, and to the system that comes up.
    guard failures.contains(status), !end.stderr.isEmpty || operation.kind == .start else { return nil }
    return operation.outcomesOfFailure(on: expected)
  }

  /// Kills it after a random part of the time that it takes.
  private mutating func kill(_ operation: Operation) throws -> End {
    // A command makes its change in its second half, so more of the kills are there.
    let fraction = Double.random(in: Bool.random(using: &random) ? 0...1.1 : 0.6...1.2, using: &random)
    let started = ContinuousClock.now
    let process = try StartedCommand(operation.command(on: store))
    usleep(UInt32(fraction * (experience.durations[operation.verb] ?? 100_000)))
    process.send(SIGKILL)
    let end = try process.wait()
    let taken = Double((ContinuousClock.now - started) / .microseconds(1))
    guard end.signal == SIGKILL else {
      if end.status == 0 { experience.durations[operation.verb] = taken }
      return (outcomes(of: operation, end), "\(end)")
    }
    tally.kills += 1
    experience.durations[operation.verb] = max(experience.durations[operation.verb] ?? 0, taken)
    return (operation.outcomes(on: expected), Self.killed)
  }

  /// Lets one of its system calls fail.
  private mutating func fail(_ operation: Operation) throws -> End {
    let made = Self.calls.filter { experience.counts["\(operation.verb) \($0.call)"] != 0 }
    let (call, errors) = made.randomElement(using: &random) ?? Self.calls[0]
    let error = errors.randomElement(using: &random) ?? "EIO"
    let key = "\(operation.verb) \(call)"
    let which = Int.random(in: 1...max(1, experience.counts[key] ?? 8), using: &random)
    let trace = FilePath("/dev/shm/ast-campaign-trace-\(getpid())")
    defer { unlink(trace.string) }
    let wrapper = [
      "strace", "-qq", "-o", trace.string, "-e", "trace=\(call)", "-e", "signal=none", "-e",
      "inject=\(call):error=\(error):when=\(which)",
    ]
    let end = try run(operation.command(on: store, wrapper: wrapper))
    let calls = try String(contentsOfFile: trace.string, encoding: .utf8).split(separator: "\n")
    let injected = calls.last { $0.hasSuffix("(INJECTED)") }
    experience.counts[key] = max(injected == nil ? 0 : experience.counts[key] ?? 0, calls.count)
    guard let injected else { return (outcomes(of: operation, end), "\(end)") }
    tally.errors += 1
    return (outcomes(of: operation, end, failures: Self.failures), "call \(which), \(injected): \(end)")
  }

  /// System calls, and the errors that a disk gives (the manual pages of each).
  private static let calls: [(call: String, errors: [String])] = [
    ("openat", ["EIO", "ENOSPC", "EMFILE"]), ("read", ["EIO"]), ("pread64", ["EIO"]), ("write", ["EIO", "ENOSPC"]),
    ("pwrite64", ["EIO", "ENOSPC"]), ("fsync", ["EIO"]), ("fdatasync", ["EIO"]), ("syncfs", ["EIO", "ENOSPC"]),
    ("rename", ["EIO", "ENOSPC"]), ("renameat2", ["EIO", "ENOSPC"]), ("unlink", ["EIO"]), ("unlinkat", ["EIO"]),
    ("mkdir", ["EIO", "ENOSPC"]), ("mkdirat", ["EIO", "ENOSPC"]), ("ioctl", ["EIO", "ENOSPC"]),
    ("symlink", ["EIO", "ENOSPC"]), ("symlinkat", ["EIO", "ENOSPC"]), ("ftruncate", ["EIO"]), ("fchmod", ["EIO"]),
    ("fstat", ["EIO"]), ("getdents64", ["EIO"]), ("statx", ["EIO"]), ("newfstatat", ["EIO"]), ("clone3", ["EAGAIN"]),
  ]

  /// Every exit status of ast(8) but that of success, and that of the dynamic linker, whose calls fail, too.
  private static let failures: Set<Int32> = [1, 2, 3, 4, 5, 6, 7, 125, 127]

  private mutating func fill(_ operation: Operation) throws -> End {
    try disk.fill(leaving: Int.random(in: 0...16, using: &random) * Int.random(in: 0...64, using: &random) << 10)
    let end = try run(operation.command(on: store))
    try disk.empty()
    tally.fullDisks += 1
    if end.status != 0 { tally.refusalsForSpace += 1 }
    return (outcomes(of: operation, end, failures: [6, 7]), "\(end)")
  }

  // MARK: Several commands

  private mutating func crowd(with first: Operation) throws -> (what: String, problems: [String]) {
    var operations = [first]
    for _ in 0..<Int.random(in: 1...2, using: &random) {
      number += 1
      operations.append(.random(beside: operations, on: expected, number: number, using: &random))
    }
    if operations.contains(where: { $0.verb == "gc" }) { kept = 1 }
    let started = try operations.map { try StartedCommand($0.command(on: store)) }
    let ends = try started.map { try $0.wait() }
    tally.operations += operations.count
    tally.concurrent += operations.count
    let what = zip(operations, ends).map { "`\($0)`: \($1)" }.joined(separator: "; ")
    let areRight = zip(operations, ends).allSatisfy { operation, end in
      // What only looks after nodes goes on when one of them is gone, and says so with status 6.
      end.status == 0 || Self.refusals.contains(end.status ?? -1) || end.status == 6 && operation.changes.isEmpty
    }
    guard areRight else { return (what, ["they must not end so"]) }
    let done = zip(operations, ends).filter { $1.status == 0 }.map(\.0)
    let outcomes = Self.orders(of: done).map { $0.reduce(expected) { $1.outcomes(on: $0).last ?? $0 } }
    return (what, try settle(outcomes).problems)
  }

  /// Not found, busy, protected; and the same from `run`.
  private static let refusals: Set<Int32> = [3, 4, 5, 125]

  private static func orders(of operations: [Operation]) -> [[Operation]] {
    guard let first = operations.first else { return [[]] }
    return orders(of: Array(operations.dropFirst())).flatMap { order in
      (0...order.count).map { place in Array(order[..<place]) + [first] + Array(order[place...]) }
    }
  }

  private func run(_ command: [String]) throws -> CommandResult { try TestSupport.run(command) }
}
