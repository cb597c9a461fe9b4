public import SystemPackage

/// The administrator's settings: the chosen values with their places, and defaults for all others.
///
/// They are in TOML files, which the module `TOMLFiles` reads.
public struct Settings: Sendable {
  /// The place of a setting.
  public struct Source: Sendable, Equatable {
    /// The file.
    public let file: FilePath
    /// The line of the key.
    public let line: Int

    /// A place.
    public init(file: FilePath, line: Int) { (self.file, self.line) = (file, line) }
  }

  /// The owner of the settings in a file.
  public enum Owner: Sendable {
    /// The machine's.
    case machine
    /// The settings of one node, which differ in part.
    case node
  }

  private struct Choice {
    let value: SettingValue
    let source: Source
  }

  /// The file of this machine.
  public static let file: FilePath = "/etc/ast/ast.toml"

  private var chosen: [SettingKey: Choice] = [:]

  /// The defaults.
  public init() {}

  /// The value in force.
  public func value(of key: SettingKey) -> SettingValue { chosen[key]?.value ?? key.definition.standard }

  /// The place where it was chosen; nil for a default.
  public func source(of key: SettingKey) -> Source? { chosen[key]?.source }

  /// Adds the settings in a file; the last one wins.
  ///
  /// - Throws: `ConfigurationError` for an unknown setting, or for a value that it cannot have.
  public mutating func take(
    _ entry: SettingEntry, in file: FilePath, of owner: Owner
  ) throws(ConfigurationError) {
    if case .heading = entry.content {
      guard SettingKey.allCases.contains(where: { $0.section == entry.name }) else { throw entry.unknown(in: file) }
      return
    }
    guard let key = SettingKey(rawValue: entry.name) else { throw entry.unknown(in: file) }
    guard key.isSetting(of: owner) else {
      throw entry.wrong(in: file, owner.words(onLackOf: entry.name))
    }
    guard case .value(let found?) = entry.content else { throw entry.wrong(in: file, key.requirement) }
    let value = key.reading(found)
    if let objection = key.objection(to: value) { throw entry.wrong(in: file, objection) }
    chosen[key] = Choice(value: value, source: Source(file: file, line: entry.line))
  }
}

extension SettingKey {
  /// A value as one of this setting's kind: an empty array can be of any kind.
  public func reading(_ value: SettingValue) -> SettingValue { definition.kind.reading(value) }

  /// The reason why the setting cannot have a value, as a sentence; nil if it can.
  public func objection(to value: SettingValue) -> String? {
    guard definition.kind.accepts(value) else { return requirement }
    return definition.kind.objection(to: value).map { "\(rawValue) \($0)" }
  }

  /// The sentence about the values that the setting can have.
  fileprivate var requirement: String { "\(rawValue) is to be \(definition.kind.words)" }
}

extension Settings.Owner {
  /// The sentence about a setting that this owner cannot have.
  public func words(onLackOf name: String) -> String {
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
