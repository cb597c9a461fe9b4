import FoundationEssentials
import Host
import SnapshotTree
import SystemPackage

/// The one object that `--json` prints (DESIGN: `apiVersion`, `data`, `error`, `transaction`; absent ones are null).
struct Envelope: Encodable {
  private let data: (any Encodable)?
  private let error: AstError?
  private let log: FilePath?
  private let transaction: OperationID?

  /// The result of a verb.
  init(_ report: Report) {
    (data, error, log, transaction) = (report.data, report.error, nil, report.transaction)
  }

  /// A failure.
  init(error: AstError, log: FilePath? = nil) {
    (data, self.error, self.log, transaction) = (nil, error, log, error.operation)
  }

  /// The object in one line, without its end.
  var text: String {
    get throws {
      try Self.text(of: self)
    }
  }

  /// A value in one line, as ast writes all of its JSON.
  static func text(of value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  private enum Key: String, CodingKey { case apiVersion, data, error, transaction, result }

  func encode(to encoder: any Encoder) throws {
    var object = encoder.container(keyedBy: Key.self)
    try object.encode(1, forKey: .apiVersion)
    try encode(to: &object, dataAs: .data)
    try object.encode(transaction.map { "\($0)" }, forKey: .transaction)
  }

  /// The members of the last event: the data is its result.
  fileprivate func encodeEnd(to encoder: any Encoder) throws {
    var object = encoder.container(keyedBy: Key.self)
    try encode(to: &object, dataAs: .result)
  }

  private func encode(to object: inout KeyedEncodingContainer<Key>, dataAs key: Key) throws {
    if let data { try data.encode(to: object.superEncoder(forKey: key)) } else { try object.encodeNil(forKey: key) }
    try object.encode(error.map { FailureReport($0, log: log) }, forKey: .error)
  }
}

/// A failure as `--json` shows it.
private struct FailureReport: Encodable {
  let code: String
  let message: String
  @Nullable var hint: String?
  @Nullable var state: String?
  @Nullable var log: String?
  @Nullable var holder: HolderReport?

  init(_ error: AstError, log: FilePath?) {
    (code, message) = (error.code.rawValue, error.message)
    hint = error.hint
    state = error.state?.word
    self.log = log?.string
    holder = error.holder.map(HolderReport.init)
  }
}

/// The command that works on what is busy.
private struct HolderReport: Encodable {
  let pid: Int32
  let command: String
  let since: Date
  @Nullable var transaction: String?

  init(_ holder: LockHolder) {
    transaction = holder.transaction.map { "\($0)" }
    (pid, command, since) = (holder.pid, holder.command, holder.started)
  }
}

/// The last event.
struct FinishLine: EventLine {
  private let status: Int32
  private let result: Envelope

  init(status: Int32, result: Envelope) { (self.status, self.result) = (status, result) }

  private enum Key: String, CodingKey { case event, status }

  func encode(to encoder: any Encoder) throws {
    var object = encoder.container(keyedBy: Key.self)
    try object.encode("finished", forKey: .event)
    try object.encode(status, forKey: .status)
    try result.encodeEnd(to: encoder)
  }
}
