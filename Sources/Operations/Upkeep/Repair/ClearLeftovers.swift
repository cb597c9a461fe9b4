import SnapshotTree
import Store

/// `tmp`: cleans up after commands that were killed.
extension Store {
  /// Cleans up after killed commands. Live commands are never touched.
  ///
  /// - Returns: the operations that were ended and cleaned up.
  public func clearLeftovers() throws -> [Operation] {
    let before = try tree.running()
    try change {}
    return try before.filter { try tree.operation($0.id)?.state == .interrupted }
  }
}
