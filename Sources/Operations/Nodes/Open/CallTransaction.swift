import FoundationEssentials
import Glibc
import Host
import Sandbox
import SnapshotTree
import Store
import SystemPackage

/// `call`, `close`, `abort`: what is done with an open transaction from outside. Its attendant does the work.
public struct OpenTransactionClient {
  /// Its number.
  public let id: OperationID
  private let socket: FileDescriptor

  /// Connects to its attendant.
  ///
  /// - Parameters:
  ///   - root: the store that is meant.
  ///   - store: opens it if that fails, to find out what became of the transaction.
  /// - Throws: `AstError`.
  public init(_ id: OperationID, in root: FilePath, store: () throws -> Store) throws {
    guard geteuid() == 0 else {
      throw AstError(.needsRoot, "an open transaction needs root (use sudo)", state: .unchanged)
    }
    self.id = id
    do {
      socket = try LocalSocket.connect(to: OpenTransaction(id).socket)
    } catch {
      throw try store().reasonOfEnd(of: id)
    }
    CallMessage(.store, text: Array((Store.identity(of: root) ?? "").utf8)).send(to: socket)
  }

  /// Runs a program in it, with the streams of this process.
  ///
  /// - Returns: its exit status, as a shell shows it.
  public func call(_ command: [String], environment: [String]) throws -> Int32 {
    let host = ProcessInfo.processInfo.environment
    let given = Set(environment.map { $0.prefix { $0 != "=" } })
    let passed = (["TERM"] + Store.passedOn).filter { !given.contains($0[...]) }.compactMap { name in
      (host[name] ?? (name == "TERM" ? "dumb" : nil)).map { "\(name)=\($0)" }
    }
    switch Call.run(command, environment: passed + environment, through: socket) {
    case .ended(let end): return end.status
    case .failed(let error): throw AstError(error)
    case .refused(let answer): throw AttendantMessage(answer)?.error?.ending(id) ?? lost
    case .hungUp: return 128 + SIGHUP
    case .lost: throw lost
    }
  }

  /// Keeps its changes.
  ///
  /// - Parameter report: called with the steps.
  public func close(_ report: (StoreEvent) -> Void) throws -> (outcome: RunOutcome, warnings: [String]) {
    let message = try ask(.close, report)
    let effect: RunOutcome.Effect = message.generation.map { .committed($0) } ?? .unchanged
    return (
      RunOutcome(effect: effect, status: 0, interruption: nil, operation: id, accounts: message.accounts),
      message.warnings
    )
  }

  /// Discards its changes.
  public func abort() throws -> [String] { try ask(.abort) { _ in }.warnings }

  private func ask(_ kind: CallMessage.Kind, _ report: (StoreEvent) -> Void) throws -> AttendantMessage {
    CallMessage(kind, text: Array(failPointOrders.utf8)).send(to: socket)
    while let answer = CallMessage.receive(from: socket), let message = AttendantMessage(answer.text) {
      if let error = message.error { throw error.ending(id) }
      guard let step = message.step else { return message }
      report(.reached(step.step, step.node))
    }
    throw lost
  }

  private var lost: AstError {
    AstError(
      .failed, "the attendant of t\(id) has ended", hint: "`ast history` shows what became of t\(id)"
    ).ending(id)
  }
}

extension Store {
  /// Why a transaction has no attendant.
  fileprivate func reasonOfEnd(of id: OperationID) throws -> AstError {
    guard let operation = try tree.operation(id) else {
      return AstError(.notFound, "there is no transaction t\(id)", hint: "`ast history` shows them")
    }
    guard operation.kind == Transaction.open else {
      return AstError(.refused, "t\(id) is not an open transaction, but `ast \(operation.kind)`", state: .unchanged)
    }
    switch operation.state {
    case .running where try isAtWork(operation):
      return AstError(.busy, "t\(id) is being opened or closed", state: .unchanged, hint: "try again in a moment")
    case .running:
      let reason = OpenTransaction.reasonOfDiscard(operation) ?? ""
      return AstError(.notFound, "t\(id) was discarded: \(reason)", state: nil)
    case .done: return AstError(.notFound, "t\(id) is closed")
    default: return AstError(.notFound, "t\(id) was discarded: \(operation.message ?? "it failed")")
    }
  }
}
