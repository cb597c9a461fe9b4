import Btrfs
import FoundationEssentials
import Host
import Sandbox
import Settings
import SnapshotTree
import SystemPackage

/// How settings are read: their files are TOML, which this module knows nothing of.
public struct SettingsReader: Sendable {
  /// Those of the machine.
  package let machine: @Sendable () throws -> Settings
  /// Those of a node: of the machine, with the content of the node's own file, which is at this place.
  let node: @Sendable (Settings, Data, FilePath) throws -> Settings

  /// Reads them like that.
  public init(
    machine: @escaping @Sendable () throws -> Settings,
    node: @escaping @Sendable (Settings, Data, FilePath) throws -> Settings
  ) {
    (self.machine, self.node) = (machine, node)
  }

  /// Reads no file: the defaults are in force.
  public static let defaults = SettingsReader(machine: { Settings() }) { machine, _, _ in machine }

  /// The settings of a node, on top of others. Whoever works in a node can have written them: what takes the parser long
  /// is not read.
  package func settings(_ others: Settings, with own: Data, at path: FilePath) throws -> Settings {
    guard own.count <= Self.largestFile else { throw Self.tooLarge(path) }
    return try node(others, own, path)
  }

  static func tooLarge(_ path: FilePath) -> ConfigurationError {
    .wrong(path, "it has more than \(largestFile >> 10) KiB")
  }

  private static let largestFile = 16 << 10
}

extension Store {
  /// The file, inside the node.
  public static let nodeConfiguration: FilePath = "/etc/ast/node.toml"

  /// The settings in force for a node: those of the machine, and the node's own.
  ///
  /// - Throws: `AstError` or `ConfigurationError`: one of the files is wrong.
  public func settings(_ reader: SettingsReader, of id: NodeID) throws -> Settings {
    try settings(reader, reader.machine(), of: id)
  }

  package func settings(_ reader: SettingsReader, _ machine: Settings, of id: NodeID) throws -> Settings {
    try settings(reader, machine, in: subvolume(of: try current(try node(id))).path)
  }

  /// The same for the node that this is the root of.
  func settings(_ reader: SettingsReader, _ machine: Settings, in root: FilePath) throws -> Settings {
    let path = root.appending(Store.nodeConfiguration.components)
    do {
      guard let own = try RootDirectory(root).contents(of: Store.nodeConfiguration) else { return machine }
      return try reader.settings(machine, with: own, at: path)
    } catch let error as FileError where error.errno == .fileTooLarge {
      throw SettingsReader.tooLarge(path)
    }
  }
}
