import Configuration
import Sandbox
import SnapshotTree

extension Store {
  /// The settings in force for a node: those of the machine, and the node's own.
  ///
  /// - Throws: `AstError` or `ConfigurationError`: the node's file is wrong.
  public func settings(_ machine: Settings, of id: NodeID) throws -> Settings {
    let generation = try current(try node(id))
    let root = try subvolume(of: generation).path
    guard let own = try RootDirectory(root).contents(of: Store.nodeConfiguration) else { return machine }
    return try machine.with(node: own, at: root.appending(Store.nodeConfiguration.components))
  }
}
