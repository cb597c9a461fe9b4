import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import Store
import SystemPackage

/// The output of a verb: results go to standard output, everything else to standard error.
struct Output {
  /// The output could not be written.
  struct Failure: Error, CustomStringConvertible {
    let reason: any Error
    var description: String { "cannot write the output: \(reason)" }
  }

  let json: Bool
  let quiet: Bool
  /// The events, for programs that asked for them, and for the record of the command; nil if the verb only reads.
  let events: EventStream?
  /// The line of progress that other messages must not be written into.
  let drawn = DrawnLine()
  private let results: FileDescriptor

  /// With `json`, standard output is reserved for the one object; the output of programs goes to standard error. A
  /// signal that ends the command before it changes anything gets that object, too, and the last event.
  init(json: Bool, quiet: Bool, events: EventStream? = nil) {
    self.json = json
    self.quiet = quiet
    self.events = events
    let kept = json ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3) : -1
    let results = kept >= 0 ? FileDescriptor(rawValue: kept) : .standardOutput
    self.results = results
    if json || events?.file != nil { Self.endAtOnce(json: json ? results : nil, events) }
    if kept >= 0 { dup2(STDERR_FILENO, STDOUT_FILENO) }
  }

  /// Has a signal that comes before the verb begins its work print the one object.
  static func endAtOnceWithJSON(on results: FileDescriptor) { endAtOnce(json: results, nil) }

  private static func endAtOnce(json results: FileDescriptor?, _ events: EventStream?) {
    Interruption.endAtOnce { signal in
      let error = AstError.interrupted(by: signal)
      let object = results.flatMap { results in
        (try? Envelope(error: error).text).map { LastWords("\($0)\n", to: results) }
      }
      let event = events?.file.map {
        LastWords(EventStream.finished(error.exitStatus, Envelope(error: error)), to: $0)
      }
      return [object, event].compactMap(\.self)
    }
  }

  /// Whether messages and progress are for people, who want to see them.
  var isForPeople: Bool { !quiet && !json && !isStream }

  private var isStream: Bool { events?.isOnStandardError ?? false }

  /// Takes in what the work on a store comes to.
  var report: @Sendable (StoreEvent) -> Void { { [events] event in events?.note(event) } }

  /// Makes events of what programs write to standard error, if the events are there; nil if not.
  func programMessages() throws -> ProgramMessages? {
    guard let events, events.isOnStandardError else { return nil }
    return try ProgramMessages(at: json ? [STDOUT_FILENO, STDERR_FILENO] : [STDERR_FILENO], to: events)
  }

  /// Prints the report of a verb.
  ///
  /// - Throws: `Failure` if it cannot be written.
  func print(_ report: Report) throws {
    if json { Interruption.holdBack() }
    let text = json ? try report.lastEvent ?? Envelope(report).text : report.text
    guard !text.isEmpty, json || !report.isUneventful || Terminal.isPresent else { return }
    try results.writeLine(text)
  }

  /// Prints a line of JSON of a verb that has more than the one object.
  func printEvent(_ line: String) throws { try results.writeLine(line) }

  /// Prints a message about the progress.
  func note(_ message: String) {
    events?.tell("note", message)
    tellUser(message)
  }

  /// Prints a message for people alone.
  func tellUser(_ message: String) {
    drawn.clear()
    if isForPeople { FileDescriptor.standardError.tell("ast: \(Printable.line(message))") }
  }

  /// Prints a message about the progress that the report repeats: for users who watch, and for programs.
  func noteProgress(_ message: String) {
    if Terminal.isPresent { note(message) } else { events?.tell("note", message) }
  }

  /// Prints text of several lines that is not a result.
  func show(_ text: String) {
    if isForPeople { FileDescriptor.standardError.tell(text) }
  }

  /// Prints a warning: something went wrong, but the verb did its work.
  func warn(_ message: String) {
    events?.tell("warning", message)
    guard !isStream else { return }
    drawn.clear()
    FileDescriptor.standardError.tell("\(Palette.messages.doubtful("ast: warning:")) \(Printable.line(message))")
  }

  /// Prints an error. A failure to print it is ignored, because the exit status reports the error, too.
  ///
  /// - Parameter log: the log of the operation that failed.
  /// - Returns: the object for programs.
  @discardableResult
  func fail(_ error: AstError, log: FilePath? = nil) -> Envelope {
    events?.tell("error", error.message)
    let envelope = Envelope(error: error, log: log)
    if json { Interruption.holdBack() }
    if json, let text = try? envelope.text {
      try? results.writeLine(text)
    } else {
      show(error)
    }
    return envelope
  }

  private func show(_ error: AstError) {
    guard !isStream else { return }
    FileDescriptor.standardError.tell("\(Palette.messages.bad("ast:")) \(Printable.line(error.message))")
    if let hint = error.hint { FileDescriptor.standardError.tell("     \(Printable.line(hint))") }
  }
}

/// A line on the terminal that is redrawn. Each message removes it first.
final class DrawnLine {
  private(set) var isDrawn = false

  /// Draws it anew.
  func draw(_ text: String) {
    isDrawn = true
    FileDescriptor.standardError.draw("\r\(text)\u{1B}[K")
  }

  /// Removes the line, so that something else can be printed.
  func clear() {
    guard isDrawn else { return }
    FileDescriptor.standardError.draw("\r\u{1B}[K")
    isDrawn = false
  }
}

extension FileDescriptor {
  /// Writes a line. If the reader is gone, that fails (`BrokenPipe`), or ends a verb that only reads, as any filter.
  func writeLine(_ line: String) throws(Output.Failure) {
    do {
      _ = try writeAll((line + "\n").utf8)
    } catch {
      throw Output.Failure(reason: error)
    }
  }

  /// Draws on a terminal; a failure is ignored.
  func draw(_ text: String) {
    _ = try? writeAll(text.utf8)
  }

  /// Writes a line for people; a failure is ignored, because there is no other place to report it.
  func tell(_ line: String) {
    try? writeLine(line)
  }
}
