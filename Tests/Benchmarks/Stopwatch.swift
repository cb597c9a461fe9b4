import Glibc
import SystemPackage
import TestSupport

/// Times programs from the moment they are started to the moment they are gone. Their output goes nowhere.
enum Stopwatch {
  /// Runs a program and returns how long it took, and how much time of a processor it and those that it waited for used.
  ///
  /// - Throws: `Errno` when it cannot be started; `Failure` when its exit status is not among `expected`.
  static func time(
    _ argv: [String], environment: [String: String] = plainEnvironment, expecting expected: Set<Int32> = [0]
  ) throws -> Sample {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for stream in 0...2 as ClosedRange<Int32> {
      posix_spawn_file_actions_addopen(&actions, stream, "/dev/null", O_RDWR, 0)
    }
    var arguments: [UnsafeMutablePointer<CChar>?] = argv.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for string in arguments + variables { free(string) } }

    var pid: pid_t = 0
    var status: Int32 = 0
    let start = ContinuousClock.now
    let error = posix_spawnp(&pid, argv[0], &actions, nil, &arguments, &variables)
    guard error == 0 else { throw Errno(rawValue: error) }
    var usage = rusage()
    while wait4(pid, &status, 0, &usage) < 0 {
      guard errno == EINTR else { throw Errno(rawValue: errno) }
    }
    let duration = ContinuousClock.now - start
    guard status & 0x7f == 0, expected.contains(status >> 8) else { throw Failure(argv: argv, status: status) }
    return Sample(wall: duration / .seconds(1), processor: usage.processor)
  }

  /// The same for something that this process does.
  static func time(_ body: () throws -> Void) rethrows -> Sample {
    var (before, after) = (rusage(), rusage())
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &before)
    let duration = try ContinuousClock().measure(body)
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &after)
    return Sample(wall: duration / .seconds(1), processor: after.processor - before.processor)
  }

  /// A program that ended otherwise than it should.
  struct Failure: Error, CustomStringConvertible {
    let argv: [String]
    let status: Int32
    var description: String { "\(argv.joined(separator: " ")): wait status \(status)" }
  }
}

extension rusage {
  /// Seconds of processors.
  fileprivate var processor: Double { ru_utime.seconds + ru_stime.seconds }
}

extension timeval {
  fileprivate var seconds: Double { Double(tv_sec) + Double(tv_usec) / 1e6 }
}
