import CFiles
import Dispatch
import FoundationEssentials
import Sandbox
import Subprocess
import Synchronization
import SystemPackage

/// Runs a program of the host to its end: an argument vector, never a shell string.
package struct ChildProcess {
  /// The program: a path, or a name that is looked up in `PATH`.
  let program: String
  /// Its arguments.
  let arguments: [String]

  package init(_ program: String, _ arguments: [String]) {
    self.program = program
    self.arguments = arguments
  }

  /// Runs it silently; what it says is part of the error if it fails.
  ///
  /// - Throws: `AstError` when it cannot be started or does not end with status 0.
  package func run() throws {
    try finish { program, arguments in
      let result = try await Subprocess.run(
        program, arguments: arguments, platformOptions: Self.apart, input: .none, output: .discarded,
        error: .string(limit: 1 << 16))
      return (result.terminationStatus, result.standardError)
    }
  }

  /// The same, with `input` to read: from a file, because a pipe that a program leaves unread would end us (SIGPIPE).
  package func run(reading input: Data) throws {
    let opened = cfiles_open_in_memory()
    guard opened >= 0 else { throw AstError(.failed, "cannot make a file in memory: \(Errno(rawValue: -opened))") }
    let file = FileDescriptor(rawValue: opened)
    try file.closeAfter {
      _ = try file.writeAll(input)
      try file.seek(offset: 0, from: .start)
      try finish { program, arguments in
        let result = try await Subprocess.run(
          program, arguments: arguments, platformOptions: Self.apart,
          input: .fileDescriptor(file, closeAfterSpawningProcess: false), output: .discarded,
          error: .string(limit: 1 << 16))
        return (result.terminationStatus, result.standardError)
      }
    }
  }

  /// Runs it and passes on what it says to `messages`, as it comes.
  package func run(showing messages: FileDescriptor) throws {
    try finish { program, arguments in
      let result = try await Subprocess.run(
        program, arguments: arguments, platformOptions: Self.apart, input: .none,
        output: .fileDescriptor(messages, closeAfterSpawningProcess: false),
        error: .fileDescriptor(messages, closeAfterSpawningProcess: false))
      return (result.terminationStatus, nil)
    }
  }

  /// Runs it and gives what it prints.
  package func output() throws -> String {
    let printed = Mutex("")
    try finish { program, arguments in
      let result = try await Subprocess.run(
        program, arguments: arguments, platformOptions: Self.apart, input: .none, output: .string(limit: 1 << 20),
        error: .string(limit: 1 << 16))
      printed.withLock { $0 = result.standardOutput }
      return (result.terminationStatus, result.standardError)
    }
    return printed.withLock { $0 }
  }

  /// Runs it and gives the line that it prints.
  package func line() throws -> String { try output().split(separator: "\n").first.map(String.init) ?? "" }

  /// Runs it on our terminal: an editor.
  package func runOnTerminal() throws {
    try finish { program, arguments in
      let result = try await Subprocess.run(
        program, arguments: arguments, input: .currentStandardInput, output: .currentStandardOutput,
        error: .currentStandardError)
      return (result.terminationStatus, nil)
    }
  }

  /// A session of its own, so that it ends with all that it has started.
  private static var apart: PlatformOptions {
    var options = PlatformOptions()
    options.createSession = true
    options.teardownSequence = [.gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: .seconds(2))]
    return options
  }

  private typealias End = (status: TerminationStatus, said: String?)

  /// Waits for the end from synchronous code. The thread that waits is one that runs no tasks. A stop signal that comes
  /// meanwhile ends the program.
  private func finish(_ start: @escaping @Sendable (Executable, Arguments) async throws -> End) throws {
    let result = Mutex<Result<End, any Error>>(.failure(Errno.noChildProcess))
    let done = DispatchSemaphore(value: 0)
    let task = Task.detached { [self] in
      let end: Result<End, any Error>
      let executable: Executable = program.contains("/") ? .path(FilePath(program)) : .name(program)
      do { end = .success(try await start(executable, Arguments(arguments))) } catch { end = .failure(error) }
      result.withLock { $0 = end }
      done.signal()
    }
    while done.wait(timeout: .now() + .milliseconds(100)) == .timedOut {
      if Interruption.pending != nil { task.cancel() }
    }
    if task.isCancelled { try Interruption.check() }
    switch result.withLock({ $0 }) {
    case .failure(let error):
      throw AstError(.failed, "cannot run `\(program)`: \(error)", hint: "is it installed?")
    case .success(let end) where !end.status.isSuccess:
      // Some begin with what they are about to do; what comes after the error are consequences.
      let lines = end.said?.split(separator: "\n") ?? []
      let said = (lines.first { $0.contains("error") } ?? lines.first).map { ": \($0)" } ?? ""
      throw AstError(.failed, "`\(program)` failed (\(end.status.words))\(said)")
    case .success: return
    }
  }
}

extension TerminationStatus {
  fileprivate var words: String {
    switch self {
    case .exited(let status): "exit status \(status)"
    case .signaled(let signal): "signal \(signal)"
    }
  }
}
