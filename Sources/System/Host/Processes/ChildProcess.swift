import CFiles
import Dispatch
import FoundationEssentials
import Sandbox
import Subprocess
import Synchronization
import SystemPackage

/// A program of the host that is run to its end, with an argument vector, never a shell string.
package struct ChildProcess {
  /// The program: a path, or a name that is looked up in `PATH`.
  let program: String
  /// Its arguments.
  let arguments: [String]

  package init(_ program: String, _ arguments: [String]) {
    self.program = program
    self.arguments = arguments
  }

  /// Runs it silently; if it fails, its messages are part of the error.
  ///
  /// - Throws: `AstError` if it cannot be started or does not end with status 0.
  package func run() throws {
    try finish { program, arguments in
      let result = try await Subprocess.run(
        program, arguments: arguments, platformOptions: Self.apart, input: .none, output: .discarded,
        error: .string(limit: 1 << 16))
      return (result.terminationStatus, result.standardError)
    }
  }

  /// Runs it silently with `input` as standard input: a file, because an unread pipe would end us (SIGPIPE).
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

  /// Runs it and writes its messages to `messages` as they come, as long as somebody reads them.
  package func run(showing messages: FileDescriptor) throws {
    try OutputRelay.standing(for: messages) { messages in
      try finish { program, arguments in
        let result = try await Subprocess.run(
          program, arguments: arguments, platformOptions: Self.apart, input: .none,
          output: .fileDescriptor(messages, closeAfterSpawningProcess: false),
          error: .fileDescriptor(messages, closeAfterSpawningProcess: false))
        return (result.terminationStatus, nil)
      }
    }
  }

  /// Runs it and returns its output.
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

  /// Runs it and returns the first line of its output.
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

  /// A new session, so that the program ends with all processes that it has started.
  private static var apart: PlatformOptions {
    var options = PlatformOptions()
    options.createSession = true
    options.teardownSequence = [.gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: .seconds(2))]
    return options
  }

  private typealias End = (status: TerminationStatus, said: String?)

  /// Waits for the end from synchronous code, in a thread that does not run tasks. A stop signal that comes meanwhile
  /// ends the program.
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
      // Some programs first announce what they do; lines after the error are consequences.
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
