import FoundationEssentials
import Glibc
import Host
import SnapshotTree
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
  private let results: FileDescriptor

  /// With `json`, standard output is reserved for the one object; the output of programs goes to standard error.
  init(json: Bool, quiet: Bool) {
    self.json = json
    self.quiet = quiet
    let kept = json ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3) : -1
    if kept >= 0 { dup2(STDERR_FILENO, STDOUT_FILENO) }
    results = kept >= 0 ? FileDescriptor(rawValue: kept) : .standardOutput
  }

  /// Prints the report of a verb.
  ///
  /// - Throws: `Failure` if it cannot be written.
  func print(_ report: Report) throws {
    let text = json ? try Envelope(data: report.data, error: nil, transaction: report.transaction).text : report.text
    guard !text.isEmpty else { return }
    try results.writeLine(text)
  }

  /// Prints a message about the progress.
  func note(_ message: String) {
    if !quiet, !json { FileDescriptor.standardError.tell("ast: \(Printable.line(message))") }
  }

  /// Prints text of several lines that is not a result.
  func show(_ text: String) {
    if !quiet, !json { FileDescriptor.standardError.tell(text) }
  }

  /// Prints a warning: something went wrong, but the verb did its work.
  func warn(_ message: String) {
    FileDescriptor.standardError.tell("\(Palette.messages.doubtful("ast: warning:")) \(Printable.line(message))")
  }

  /// Prints an error. A failure to print it is ignored, because the exit status reports the error, too.
  func fail(_ error: AstError) {
    if json, let text = try? Envelope(data: nil, error: error, transaction: nil).text {
      try? results.writeLine(text)
      return
    }
    FileDescriptor.standardError.tell("\(Palette.messages.bad("ast:")) \(Printable.line(error.message))")
    if let hint = error.hint { FileDescriptor.standardError.tell("     \(Printable.line(hint))") }
  }
}

/// The one object that `--json` prints (DESIGN: `apiVersion`, `data`, `error`, `transaction`; absent ones are null).
private struct Envelope: Encodable {
  let data: (any Encodable)?
  let error: AstError?
  let transaction: OperationID?

  var text: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      encoder.dateEncodingStrategy = .iso8601
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }

  private enum Key: String, CodingKey { case apiVersion, data, error, transaction, code, message, hint }

  func encode(to encoder: any Encoder) throws {
    var object = encoder.container(keyedBy: Key.self)
    try object.encode(1, forKey: .apiVersion)
    if let data { try data.encode(to: object.superEncoder(forKey: .data)) } else { try object.encodeNil(forKey: .data) }
    if let error {
      var failure = object.nestedContainer(keyedBy: Key.self, forKey: .error)
      try failure.encode(error.code.rawValue, forKey: .code)
      try failure.encode(error.message, forKey: .message)
      try failure.encode(error.hint, forKey: .hint)
    } else {
      try object.encodeNil(forKey: .error)
    }
    try object.encode(transaction.map { "\($0)" }, forKey: .transaction)
  }
}

extension FileDescriptor {
  /// Writes a line; if the reader is gone, SIGPIPE ends the process, as with every filter.
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
