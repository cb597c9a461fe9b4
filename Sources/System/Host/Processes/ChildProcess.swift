import FoundationEssentials
import Glibc
import Sandbox
import SystemPackage

/// A program of the host that is run to its end, with an argument vector, never a shell string. It ends with all that it
/// has started if ast ends first: what it writes is what the next command uses.
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
    try Self.withNothing { nothing in try collect(reading: nothing, output: nothing) }
  }

  /// Runs it silently, and lets it come to its end even after a stop signal: it undoes what an ended command has done.
  ///
  /// - Throws: `AstError` as ``run()`` does.
  package func runToItsEnd() throws {
    try Self.withNothing { nothing in try collect(reading: nothing, output: nothing, canBeStopped: false) }
  }

  /// Runs it silently with `input` as standard input: a file, because an unread pipe would end us (SIGPIPE).
  package func run(reading input: Data) throws {
    let file = try Files.openInMemory()
    try file.closeAfter {
      do {
        _ = try file.writeAll(input)
        try file.seek(offset: 0, from: .start)
      } catch {
        throw AstError(.failed, "cannot write the input of `\(program)`: \(error)")
      }
      try Self.withNothing { nothing in try collect(reading: file, output: nothing) }
    }
  }

  /// Runs it and writes its messages to `messages` as they come, as long as somebody reads them.
  package func run(showing messages: FileDescriptor) throws {
    try OutputRelay.standing(for: messages) { messages in
      try Self.withNothing { nothing in
        try finish(start(on: (nothing, messages, messages)), pipes: [])
      }
    }
  }

  /// Runs it and returns its output.
  ///
  /// - Throws: `AstError` also if that is longer than a mebibyte.
  package func output() throws -> String {
    let (end, start) = try makePipe()
    defer { try? end.close() }
    var printed = OutputStart(limit: 1 << 20)
    try Self.withNothing { nothing in
      try collect(reading: nothing, output: start, closing: start, [Pipe(end) { printed.add($0) }])
    }
    guard !printed.isCut else { throw AstError(.failed, "`\(program)` prints more than a mebibyte") }
    return printed.text
  }

  /// Runs it and returns the first line of its output.
  package func line() throws -> String { try output().split(separator: "\n").first.map(String.init) ?? "" }

  /// Runs it on our terminal: an editor.
  package func runOnTerminal() throws {
    try finish(
      start(on: (.standardInput, .standardOutput, .standardError), hasOwnSession: false), pipes: [])
  }

  /// Runs it and collects its messages, and what comes from other pipes.
  private func collect(
    reading input: FileDescriptor, output: FileDescriptor, closing given: FileDescriptor? = nil, _ pipes: [Pipe] = [],
    canBeStopped: Bool = true
  ) throws {
    let (end, start) = try makePipe()
    defer { try? end.close() }
    var said = OutputEnds()
    let started = Result { try self.start(on: (input, output, start)) }
    for descriptor in [start, given].compactMap(\.self) { try? descriptor.close() }
    let all = pipes + [Pipe(end) { said.add($0) }]
    try finish(started.get(), pipes: all, canBeStopped: canBeStopped) { said.text }
  }

  private func start(
    on streams: (FileDescriptor, FileDescriptor, FileDescriptor), hasOwnSession: Bool = true
  ) throws -> HostProgram {
    do {
      return try HostProgram([program] + arguments, on: streams, hasOwnSession: hasOwnSession)
    } catch {
      throw unstartable(error)
    }
  }

  private func unstartable(_ error: Errno) -> AstError {
    AstError(.failed, "cannot run `\(program)`: \(error)", hint: "is it installed?")
  }

  /// Waits for the end.
  ///
  /// - Parameters:
  ///   - pipes: read until the program has ended; one that it has left running may keep them open.
  ///   - canBeStopped: whether a stop signal that comes meanwhile ends the program.
  ///   - said: its messages.
  private func finish(
    _ running: HostProgram, pipes: [Pipe], canBeStopped: Bool = true, said: () -> String = { "" }
  ) throws {
    var isAskedToEnd = false
    let started = ContinuousClock.now
    while true {
      var polled = ([running.channel] + pipes.map(\.end)).map {
        pollfd(fd: $0.rawValue, events: Int16(POLLIN), revents: 0)
      }
      for (index, pipe) in pipes.enumerated() where pipe.isAtEnd { polled[index + 1].fd = -1 }
      // Long enough to cost nothing, short enough for a user who waits after Control-C.
      _ = poll(&polled, nfds_t(polled.count), 100)
      for (index, pipe) in pipes.enumerated() where polled[index + 1].revents != 0 { pipe.read() }
      // The short programs of a commit come to their end: it is done, or it was interrupted before.
      if canBeStopped, !isAskedToEnd, Interruption.pending != nil, ContinuousClock.now - started >= .milliseconds(100) {
        isAskedToEnd = true
        running.terminate()
      }
      if polled[0].revents != 0 { break }
    }
    let end = Result { () throws(Errno) in try running.end() }
    for pipe in pipes { pipe.drain() }
    if isAskedToEnd { try Interruption.check() }
    switch end {
    case .failure(let error): throw unstartable(error)
    case .success(.exited(0)): return
    case .success(let end):
      // Some programs first announce what they do; lines after the error are consequences.
      let lines = said().split(separator: "\n")
      let words = (lines.first { $0.contains("error") } ?? lines.first).map { ": \($0)" } ?? ""
      throw AstError(.failed, "`\(program)` failed (\(end.words))\(words)")
    }
  }

  private static func withNothing<Result>(_ body: (FileDescriptor) throws -> Result) throws -> Result {
    let nothing = try Files.attempt("open", "/dev/null") {
      try FileDescriptor.open("/dev/null", .readWrite, options: .closeOnExec)
    }
    return try nothing.closeAfter { try body(nothing) }
  }
}

/// The end of a pipe that a program writes to.
private final class Pipe {
  let end: FileDescriptor
  private let receive: ([UInt8]) -> Void
  private(set) var isAtEnd = false

  init(_ end: FileDescriptor, receive: @escaping ([UInt8]) -> Void) {
    (self.end, self.receive) = (end, receive)
  }

  /// Reads what is there; call it when something is, or at the end.
  func read() {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let count = (try? buffer.withUnsafeMutableBytes { try end.read(into: $0) }) ?? 0
    if count == 0 { isAtEnd = true } else { receive(Array(buffer[..<count])) }
  }

  /// Reads the rest of what is there.
  func drain() {
    while !isAtEnd {
      var polled = pollfd(fd: end.rawValue, events: Int16(POLLIN), revents: 0)
      guard poll(&polled, 1, 0) > 0 else { return }
      read()
    }
  }
}

extension ProgramEnd {
  fileprivate var words: String {
    switch self {
    case .exited(let status): "exit status \(status)"
    case .signaled(let signal): "signal \(signal)"
    }
  }
}
