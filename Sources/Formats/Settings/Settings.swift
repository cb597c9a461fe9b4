public import SystemPackage

/// The administrator's settings: what was chosen, and where, and the defaults for all else.
///
/// They stand in TOML files, which the module `Configuration` reads.
public struct Settings: Sendable {
  /// Where a setting comes from.
  public struct Source: Sendable, Equatable {
    /// The file.
    public let file: FilePath
    /// The line that the key stands on.
    public let line: Int

    /// A place.
    public init(file: FilePath, line: Int) { (self.file, self.line) = (file, line) }
  }

  /// Whose settings a file has.
  public enum Owner: Sendable {
    /// The machine's.
    case machine
    /// Those of one node, which are others in part.
    case node
  }

  private struct Choice {
    let value: SettingValue
    let source: Source
  }

  /// The file of this machine.
  public static let file: FilePath = "/etc/ast/ast.toml"

  private var chosen: [SettingKey: Choice] = [:]

  /// What is in force where nothing was chosen.
  public init() {}

  /// The value in force.
  public func value(of key: SettingKey) -> SettingValue { chosen[key]?.value ?? key.definition.standard }

  /// Where it was chosen; nil where nobody did.
  public func source(of key: SettingKey) -> Source? { chosen[key]?.source }

  /// Takes what stands in a file; the last one wins.
  ///
  /// - Throws: `ConfigurationError` for what is no setting, or a value that it cannot have.
  public mutating func take(
    _ entry: SettingEntry, in file: FilePath, of owner: Owner
  ) throws(ConfigurationError) {
    if case .heading = entry.content {
      guard SettingKey.allCases.contains(where: { $0.section == entry.name }) else { throw entry.unknown(in: file) }
      return
    }
    guard let key = SettingKey(rawValue: entry.name) else { throw entry.unknown(in: file) }
    let definition = key.definition
    guard key.isSetting(of: owner) else {
      throw entry.wrong(in: file, owner.words(onLackOf: entry.name))
    }
    guard case .value(let found?) = entry.content, case let value = definition.kind.reading(found),
      definition.kind.accepts(value)
    else {
      throw entry.wrong(in: file, "\(entry.name) is to be \(definition.kind.words)")
    }
    if let objection = definition.kind.objection(to: value) {
      throw entry.wrong(in: file, "\(entry.name) \(objection)")
    }
    chosen[key] = Choice(value: value, source: Source(file: file, line: entry.line))
  }
}

extension Settings.Owner {
  fileprivate func words(onLackOf name: String) -> String {
    switch self {
    case .machine: "the machine has no \(name): it is a setting of nodes, which `ast edit-conf` edits"
    case .node: "a node has no \(name) of its own: it is a setting of the machine"
    }
  }
}

extension SettingEntry {
  fileprivate func wrong(in file: FilePath, _ reason: String) -> ConfigurationError {
    .wrong(file, line: line, column: column, reason)
  }

  fileprivate func unknown(in file: FilePath) -> ConfigurationError {
    wrong(in: file, "there is no setting \(name)")
  }
}
