import FoundationEssentials
import Host
import SnapshotTree
import Store

/// What an attendant tells the command that opens its transaction, or ends it.
struct AttendantMessage: Codable {
  /// Whether another command took the number.
  var isNumberTaken = false
  /// What could not be done, besides.
  var warnings: [String] = []
  /// The new generation of a transaction that was kept.
  var generation: GenerationNumber?
  /// The step that its end has come to; then another message follows.
  var step: Step?
  /// The accounts whose numbers in the node differed from those in the other nodes.
  var accounts: [AccountChange] = []
  private var failure: Failure?

  /// A step of the transaction of a node.
  struct Step: Codable {
    let node: NodeID
    let step: StoreEvent.Step
  }

  init() {}

  init(_ error: any Error) {
    if error is NumberIsTaken { isNumberTaken = true } else { failure = Failure(AstError(error)) }
  }

  /// What failed.
  var error: AstError? { failure?.error }

  /// Reads one; nil if it is none.
  init?(_ bytes: [UInt8]) {
    guard let message = try? JSONDecoder().decode(Self.self, from: Data(bytes)) else { return nil }
    self = message
  }

  var bytes: [UInt8] { (try? JSONEncoder().encode(self)).map { Array($0) } ?? [] }

  /// An error on its way to another process.
  private struct Failure: Codable {
    let code: String
    let reason: String
    let state: String?
    let hint: String?
    let operation: OperationID?
    let holder: LockHolder?

    init(_ error: AstError) {
      (code, reason, state, hint) = (error.code.rawValue, error.reason, error.state?.rawValue, error.hint)
      (operation, holder) = (error.operation, error.holder)
    }

    var error: AstError {
      AstError(
        AstError.Code(rawValue: code) ?? .failed, reason, state: state.flatMap(AstError.State.init(rawValue:)),
        hint: hint
      ).ending(operation).naming(holder)
    }
  }
}
