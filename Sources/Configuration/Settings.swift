import FoundationEssentials
public import SystemPackage
internal import TOMLKit

/// The administrator's settings: `ast.toml`, and the files that add to it. They win key by key.
///
///     let settings = try Settings.ofThisMachine()
///     settings.updates.policy
public struct Settings: Sendable {
  /// Where a setting comes from.
  public struct Source: Sendable, Equatable {
    /// The file.
    public let file: FilePath
    /// The line that the key stands on.
    public let line: Int
  }

  private struct Choice {
    let value: SettingValue
    let source: Source
  }

  /// The file of this machine.
  public static let file: FilePath = "/etc/ast/ast.toml"

  /// Those of this machine; `AST_CONFIG` names another file.
  public static func ofThisMachine() throws(ConfigurationError) -> Settings {
    try Settings(of: ProcessInfo.processInfo.environment["AST_CONFIG"].map { FilePath($0) } ?? file)
  }

  private var chosen: [SettingKey: Choice] = [:]

  /// What is in force where nothing was chosen.
  public init() {}

  /// The settings in a file, where there is one, and then in the files `*.toml` in the directory with the same name and
  /// `.d` behind it, by their names.
  public init(of file: FilePath) throws(ConfigurationError) {
    let directory = FilePath(file.string + ".d")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.string)) ?? []
    let additions = names.filter { $0.hasSuffix(".toml") && !$0.hasPrefix(".") }.sorted()
    for path in [file] + additions.map({ directory.appending($0) }) {
      guard let data = try Self.contents(of: path) else { continue }
      try add(data, of: path) { _ in true }
    }
  }

  /// The same for one node, whose own file has this content.
  public func with(node data: Data, at path: FilePath) throws(ConfigurationError) -> Settings {
    var settings = self
    try settings.add(data, of: path) { $0.isForNodes }
    return settings
  }

  /// The value in force.
  public func value(of key: SettingKey) -> SettingValue { chosen[key]?.value ?? key.definition.standard }

  /// Where it was chosen; nil where nobody did.
  public func source(of key: SettingKey) -> Source? { chosen[key]?.source }

  private static func contents(of path: FilePath) throws(ConfigurationError) -> Data? {
    do {
      return try Data(contentsOf: URL(filePath: path.string))
    } catch let error as CocoaError where [.fileReadNoSuchFile, .fileNoSuchFile].contains(error.code) {
      return nil
    } catch {
      throw .unreadable(path)
    }
  }

  private mutating func add(
    _ data: Data, of path: FilePath, where isAllowed: (SettingKey.Definition) -> Bool
  ) throws(ConfigurationError) {
    // The parser takes a string of C, and would end at a NUL.
    guard let text = String(validating: data, as: UTF8.self), !text.utf8.contains(0) else {
      throw .wrong(path, "this is no text in UTF-8")
    }
    let entries: [SettingEntries.Entry]
    do {
      entries = try SettingEntries(text).entries
    } catch let error as TOMLParseError {
      throw .wrong(path, line: error.source.begin.line, column: error.source.begin.column, error.description)
    } catch {
      throw .wrong(path, "\(error)")
    }
    for entry in entries { try add(entry, of: path, where: isAllowed) }
  }

  private mutating func add(
    _ entry: SettingEntries.Entry, of path: FilePath, where isAllowed: (SettingKey.Definition) -> Bool
  ) throws(ConfigurationError) {
    guard let found = entry.value else {
      guard SettingKey.allCases.contains(where: { $0.section == entry.name }) else { throw entry.unknown(in: path) }
      return
    }
    guard let key = SettingKey(rawValue: entry.name) else { throw entry.unknown(in: path) }
    let definition = key.definition
    guard isAllowed(definition) else {
      throw entry.wrong(in: path, "a node has no \(entry.name) of its own: it is a setting of the machine")
    }
    guard let value = definition.kind.value(found) else {
      throw entry.wrong(in: path, "\(entry.name) is to be \(definition.kind.words)")
    }
    chosen[key] = Choice(value: value, source: Source(file: path, line: entry.line))
  }
}

extension SettingEntries.Entry {
  fileprivate func wrong(in path: FilePath, _ reason: String) -> ConfigurationError {
    .wrong(path, line: line, column: column, reason)
  }

  fileprivate func unknown(in path: FilePath) -> ConfigurationError {
    wrong(in: path, "there is no setting \(name)")
  }
}

extension ConfigurationError {
  fileprivate static func wrong(_ path: FilePath, line: Int, column: Int, _ reason: String) -> ConfigurationError {
    .wrong(path, "line \(line), column \(column): \(reason)")
  }
}
