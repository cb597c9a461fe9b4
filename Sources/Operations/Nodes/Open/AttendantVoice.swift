import Host
import Sandbox
import SnapshotTree
import Store
import Synchronization
import SystemPackage

/// What an attendant has to say to the commands that wait for it: its warnings, until one asks for them, and the steps of
/// the end.
public final class AttendantVoice: Sendable {
  private struct State {
    var warnings: [String] = []
    /// The connection to the command that ends the transaction.
    var listener: FileDescriptor?
  }

  private let state = Mutex(State())

  /// A voice that has nothing to say yet.
  public init() {}

  /// Keeps a warning for the next command.
  public func warn(_ warning: String) { state.withLock { $0.warnings.append(warning) } }

  /// Tells the command that ends the transaction what that has come to.
  public func report(_ event: StoreEvent) {
    guard case .reached(let step, let node) = event, let listener = state.withLock(\.listener) else { return }
    var message = AttendantMessage()
    message.step = AttendantMessage.Step(node: node, step: step)
    CallMessage(.answer, text: message.bytes).send(to: listener)
  }

  /// Ends the transaction for the command at the other end of a socket, and answers it.
  ///
  /// - Throws: what `end` throws, when the command knows it.
  func answer(_ socket: FileDescriptor, _ end: () throws -> AttendantMessage) throws {
    state.withLock { $0.listener = socket }
    let result = Result { try end() }
    var message: AttendantMessage
    do { message = try result.get() } catch { message = AttendantMessage(error) }
    message.warnings = warnings()
    CallMessage(.answer, text: message.bytes).send(to: socket)
    _ = try result.get()
  }

  /// The warnings since the last call, and the limits that programs have met.
  func warnings() -> [String] {
    state.withLock { state in
      defer { state.warnings = [] }
      return state.warnings + ReachedLimits.sentences()
    }
  }
}
