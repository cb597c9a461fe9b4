import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import SystemPackage

/// A transaction that outlives the command that opened it, as other commands meet it.
package struct OpenTransaction {
  /// Its number.
  package let id: OperationID
  private var opened: Date?

  package init(_ id: OperationID) { self.id = id }

  /// The one that an operation is; nil if it is another command's.
  init?(_ operation: SnapshotTree.Operation) {
    guard operation.kind == Transaction.open else { return nil }
    (id, opened) = (operation.id, operation.started)
  }

  /// The directory of the sockets. Only root may enter it.
  package static var directory: FilePath {
    getenv("AST_OPEN_DIR").map { FilePath(platformString: $0) } ?? "/run/ast/open"
  }

  /// The socket of its attendant. Its time is that of the last call, or 0.
  package var socket: FilePath { Self.directory.appending("t\(id)") }

  /// Removes the socket that a killed attendant has left.
  package func removeSocket() { unlink(socket.string) }

  /// The error for a command that needs the node.
  func isInTheWay(of node: NodeID) -> AstError {
    AstError(
      .busy, "node \(node) is \(words)", state: .unchanged,
      hint: "`ast close t\(id)` keeps it, `ast abort t\(id)` discards it")
  }

  /// In which transaction a node is open, and since when.
  var words: String {
    guard let opened else { return "open in t\(id)" }
    var status = stat()
    let last = stat(socket.string, &status) == 0 ? status.st_mtim.tv_sec : 0
    let call = last == 0 ? "no call yet" : "last call \(Self.age(Date(timeIntervalSince1970: Double(last)))) ago"
    return "open in t\(id), since \(opened.formatted(.iso8601)) (\(Self.age(opened)); \(call))"
  }

  private static func age(_ date: Date) -> String {
    let seconds = Int(max(0, Date().timeIntervalSince(date)))
    return switch seconds {
    case ..<120: "\(seconds) seconds"
    case ..<7200: "\(seconds / 60) minutes"
    default: "\(seconds / 3600) hours"
    }
  }

  /// Why an open transaction was discarded that no process attends; nil for another operation.
  package static func reasonOfDiscard(_ operation: SnapshotTree.Operation) -> String? {
    guard operation.kind == Transaction.open else { return nil }
    return operation.bootID == Store.bootID ? "its attendant was killed" : "the machine was restarted"
  }
}

extension Store {
  /// The operations of the transactions that are open.
  public func openTransactions() throws -> [SnapshotTree.Operation] {
    try tree.running().filter { try $0.kind == Transaction.open && isAtWork($0) }
  }
}
