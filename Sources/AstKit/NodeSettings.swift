import FoundationEssentials
import MachineSettings
import Sandbox
import SnapshotTree
import SystemPackage

/// How settings are read: their files are TOML, which this module knows nothing of.
public struct SettingsReader: Sendable {
  /// Those of the machine.
  let machine: @Sendable () throws -> Settings
  /// Those of a node: of the machine, with the content of the node's own file, which is at this place.
  let node: @Sendable (Settings, Data, FilePath) throws -> Settings

  /// Reads them like that.
  public init(
    machine: @escaping @Sendable () throws -> Settings,
    node: @escaping @Sendable (Settings, Data, FilePath) throws -> Settings
  ) {
    (self.machine, self.node) = (machine, node)
  }
}

extension Store {
  /// The settings in force for a node: those of the machine, and the node's own.
  ///
  /// - Throws: `AstError` or `ConfigurationError`: one of the files is wrong.
  public func settings(_ reader: SettingsReader, of id: NodeID) throws -> Settings {
    try settings(reader, reader.machine(), of: id)
  }

  func settings(_ reader: SettingsReader, _ machine: Settings, of id: NodeID) throws -> Settings {
    let root = try subvolume(of: try current(try node(id))).path
    guard let own = try RootDirectory(root).contents(of: Store.nodeConfiguration) else { return machine }
    return try reader.node(machine, own, root.appending(Store.nodeConfiguration.components))
  }
}
