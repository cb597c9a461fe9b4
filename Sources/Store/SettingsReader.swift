import Btrfs
import FoundationEssentials
import Host
import Sandbox
import Settings
import SnapshotTree
import SystemPackage

/// Reads the settings of the machine and of nodes. Their files are TOML, of which this module knows nothing.
public struct SettingsReader: Sendable {
  /// Reads the machine's settings.
  let machine: @Sendable () throws -> Settings
  /// Adds to these settings those in a node's own file, whose content and path it is given.
  private let node: @Sendable (Settings, Data, FilePath) throws -> Settings

  /// A reader made of these two functions.
  public init(
    machine: @escaping @Sendable () throws -> Settings,
    node: @escaping @Sendable (Settings, Data, FilePath) throws -> Settings
  ) {
    (self.machine, self.node) = (machine, node)
  }

  /// The settings in a node's own file alone, with the defaults for the rest.
  package func settings(ofNodeWith own: Data, at path: FilePath) throws -> Settings {
    try settings(Settings(), with: own, at: path)
  }

  /// The settings of a node, on top of others. Any program in the node may have written the file, and a large one would
  /// keep the parser busy, so it is not read.
  fileprivate func settings(_ others: Settings, with own: Data, at path: FilePath) throws -> Settings {
    guard own.count <= Self.largestFile else { throw Self.tooLarge(path) }
    return try node(others, own, path)
  }

  fileprivate static func tooLarge(_ path: FilePath) -> ConfigurationError {
    .wrong(path, "it is larger than \(largestFile >> 10) KiB")
  }

  private static let largestFile = 16 << 10
}

extension Store {
  /// The file with a node's own settings, inside the node.
  public static let nodeConfiguration: FilePath = "/etc/ast/node.toml"

  /// The settings of the machine.
  ///
  /// - Throws: `ConfigurationError`: one of the files is wrong.
  public var settings: Settings { get throws { try reader.machine() } }

  /// The settings in force for a node: those of the machine, and the node's own.
  ///
  /// - Throws: `AstError` or `ConfigurationError`: one of the files is wrong.
  public func settings(of id: NodeID) throws -> Settings {
    try settings(in: subvolume(of: try current(try node(id))).path, on: settings)
  }

  /// The own settings of the node with this root, with the defaults for the rest: the machine's files need not be right.
  ///
  /// - Parameter place: the path that the root will have, for messages.
  func ownSettings(in root: FilePath, named place: FilePath) throws -> Settings {
    try settings(in: root, on: Settings(), named: place)
  }

  private func settings(in root: FilePath, on others: Settings, named place: FilePath? = nil) throws -> Settings {
    let path = (place ?? root).appending(Store.nodeConfiguration.components)
    do {
      guard let own = try RootDirectory(root).contents(of: Store.nodeConfiguration) else { return others }
      return try reader.settings(others, with: own, at: path)
    } catch let error as FileError where error.errno == .fileTooLarge {
      throw SettingsReader.tooLarge(path)
    }
  }
}
