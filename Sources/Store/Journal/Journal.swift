import FoundationEssentials
import Glibc
import SnapshotTree

/// The record of who did what: a row for each change, entered with the change itself.
extension Store {
  /// Enters an operation that is done the moment its change is committed.
  package func recordOperation(
    _ kind: String, on node: NodeID? = nil, from: GenerationNumber? = nil, to: GenerationNumber? = nil
  ) throws -> OperationID {
    let operation = try intend(kind, on: node, from: from, to: to)
    try tree.finish(operation, .done)
    return operation
  }

  /// Enters an operation that is about to run.
  package func intend(
    _ kind: String, on node: NodeID?, from: GenerationNumber?, to: GenerationNumber?
  ) throws -> OperationID {
    let operation = try tree.begin(
      kind, node: node, command: command, bootID: Store.bootID, pid: getpid(), from: from, generation: to,
      leader: leader.operation ?? begun)
    begun = begun ?? operation
    return operation
  }

  /// The first operation of this command, by which the history names all of them; nil before there is one.
  public var firstOperation: OperationID? { leader.operation }

  /// The kernel's identifier of this boot (proc_sys_kernel(5), random/boot_id).
  package static var bootID: String {
    let text = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
    return text.map { String($0.prefix(36)) } ?? ""
  }
}
