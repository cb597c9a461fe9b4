import SnapshotTree
import Store

/// `tmp`: removes what commands that died have left behind.
extension Store {
  /// Sets straight what dead commands left. Commands that are alive are never touched.
  ///
  /// - Returns: the operations that were ended and cleaned up after.
  public func clearLeftovers() throws -> [Operation] {
    let before = try tree.running()
    try change {}
    return try before.filter { try tree.operation($0.id)?.state == .interrupted }
  }
}
