import Btrfs
import FoundationEssentials
import Glibc
import Host
import Sandbox
import SnapshotTree
import Store
import SystemPackage

/// The life of an open transaction, in the process of its attendant.
extension Store {
  /// Opens the transaction with this number, says so, takes calls, and keeps or discards what they have done.
  ///
  /// - Parameters:
  ///   - patience: how long the transaction stays open without a call.
  ///   - opener: takes what the opening command is to know.
  ///   - voice: what the commands that end the transaction are to know.
  /// - Throws: `AstError`: why the transaction was not opened, or why it was discarded if nobody asked for that.
  public func attend(
    _ node: NodeID, as number: OperationID, patience: Duration, withNetwork: Bool, opener: FilePath,
    voice: AttendantVoice
  ) throws {
    let reporter: FileDescriptor
    do {
      reporter = try FileDescriptor.open(opener, .writeOnly, options: .closeOnExec)
    } catch {
      throw AstError(.failed, "the command that opens t\(number) is gone", state: .unchanged)
    }
    if opener == DetachedProgram.starter { DetachedProgram.forgetStarter() }
    let opened: (transaction: Transaction, sandbox: OpenSandbox, attendant: Attendant, listener: FileDescriptor)
    do {
      opened = try prepare(node, number, patience, withNetwork)
    } catch {
      var message = AttendantMessage(error)
      message.warnings = voice.warnings()
      _ = try? reporter.writeAll(message.bytes)
      throw error
    }
    failPoint("open")
    var message = AttendantMessage()
    message.warnings = voice.warnings()
    let isKnown = (try? reporter.writeAll(message.bytes)) != nil
    try? reporter.close()
    LocalSocket.notifyReady()
    self.report(.reached(.working, node))
    let end = isKnown ? opened.attendant.attend() : .unknown
    ReachedLimits.note(opened.sandbox.close(), of: opened.sandbox.limits)
    defer {
      try? opened.listener.close()
      OpenTransaction(number).removeSocket()
    }
    failPoint("calls ended")
    try finish(opened.transaction, end, patience, voice)
  }

  private func prepare(
    _ node: NodeID, _ number: OperationID, _ patience: Duration, _ withNetwork: Bool
  ) throws -> (transaction: Transaction, sandbox: OpenSandbox, attendant: Attendant, listener: FileDescriptor) {
    let network = withNetwork ? self.network(for: .running) : nil
    let transaction = try Transaction(
      on: node, Transaction.open, resolver: network.map(resolver(for:)), number: number, in: self)
    return try transaction.discarding {
      let open = OpenTransaction(number)
      let listener = try open.listen()
      do {
        let plan = try transaction.sandbox(network: made(network))
        let sandbox = try OpenSandbox(plan)
        let attendant = try Attendant(
          of: open, in: root, listener: listener, sandbox: sandbox, environment: plan.environment, patience: patience)
        return (transaction, sandbox, attendant, listener)
      } catch {
        open.removeSocket()
        throw error
      }
    }
  }

  private func finish(
    _ transaction: Transaction, _ end: Attendant.End, _ patience: Duration, _ voice: AttendantVoice
  ) throws {
    switch end {
    case .close(let socket):
      try voice.answer(socket) {
        if let signal = Interruption.pending { throw try transaction.discarded(by: signal) }
        let (effect, accounts) = try transaction.keep()
        var message = AttendantMessage()
        if case .committed(let generation) = effect { message.generation = generation }
        message.accounts = accounts
        return message
      }
    case .abort(let socket):
      try voice.answer(socket) {
        try transaction.discard(Operation.aborted)
        return AttendantMessage()
      }
      throw AstError(.failed, "t\(transaction.operation) was aborted", state: .discarded)
    case .signal: throw try transaction.discarded(by: Interruption.pending ?? SIGTERM)
    case .idle: throw try transaction.discarded("timed out after \(patience.words) without a call")
    case .died: throw try transaction.discarded("its first process was killed")
    case .unknown: throw try transaction.discarded("the command that opened it was killed")
    }
  }
}

extension Transaction {
  /// Discards it for a reason, and returns that as an error.
  fileprivate func discarded(_ reason: String) throws -> AstError {
    try discard(reason)
    return AstError(.failed, "t\(operation) was discarded: \(reason)", state: .discarded).ending(operation)
  }

  /// Discards it because of a stop signal.
  fileprivate func discarded(by signal: Int32) throws -> AstError {
    let error = AstError.interrupted(by: signal, state: .discarded)
    try discard(error.reason)
    return error.ending(operation)
  }
}

extension Duration {
  /// The time in the largest unit that fits.
  fileprivate var words: String {
    let seconds = Int(self / .seconds(1))
    if seconds > 0, seconds.isMultiple(of: 3600) { return "\(seconds / 3600) h" }
    return seconds > 0 && seconds.isMultiple(of: 60) ? "\(seconds / 60) min" : "\(seconds) s"
  }
}

extension OpenTransaction {
  /// Makes the directory of the sockets.
  static func makeDirectory() throws {
    try Files.ensureDirectory(directory.removingLastComponent())
    try Files.ensureDirectory(directory, mode: 0o700)
    try Files.setMode(directory, 0o700)
  }

  /// Makes its socket. One that a killed attendant has left is replaced.
  fileprivate func listen() throws -> FileDescriptor {
    if let other = try? LocalSocket.connect(to: socket) {
      try? other.close()
      throw AstError(.busy, "t\(id) of another store is open", state: .discarded, hint: "try again")
    }
    removeSocket()
    let listener = try LocalSocket.listen(at: socket)
    utimensat(AT_FDCWD, socket.string, [timespec(), timespec()], 0)
    return listener
  }
}
