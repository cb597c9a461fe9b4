import ArgumentParser
import Host
import Nodes
import Settings
import SnapshotTree
import Store
import TOMLFiles

struct Config: Verb {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Show the settings in force, and where they were set",
    discussion: """
      They are in /etc/ast/ast.toml and /etc/ast/ast.toml.d/*.toml, and a node's own in /etc/ast/node.toml of the node \
      (`ast edit-conf`): see ast.toml(5).
      """)
  static var needs: Need { .nothing }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Option(name: [.customShort("N"), .long], help: "Show the settings in force for this node.")
  var node: NodeName?
  @Argument(help: "The setting, such as updates.policy.", completion: .list(SettingKey.allCases.map(\.rawValue)))
  var key: String?

  func perform(in context: Context) throws -> Report {
    let settings = try node.map(settings) ?? Settings.ofThisMachine()
    guard let key else {
      let keys = SettingKey.allCases.filter { node != nil || $0.isSetting(of: .machine) }
      let reports = keys.map { SettingReport($0, in: settings) }
      return Report(text: Self.table(reports), data: ["settings": reports])
    }
    guard let found = SettingKey(rawValue: key) else {
      throw AstError(.notFound, "there is no setting \(key)", hint: "`ast config` lists them")
    }
    guard node != nil || found.isSetting(of: .machine) else {
      throw AstError(.usage, "\(key) is a setting of nodes", hint: "`ast config -N NODE \(key)` shows that of a node")
    }
    return Report(
      text: settings.value(of: found).plain, data: ["settings": [SettingReport(found, in: settings)]])
  }

  private func settings(of name: NodeName) throws -> Settings {
    let store = try Store(opening: global.root, .reading, reader: .files)
    return try store.settings(of: store.node(named: name))
  }

  private static func table(_ reports: [SettingReport]) -> String {
    let settings = reports.map { "\($0.key.rawValue) = \($0.value.toml)" }
    let width = settings.map(\.count).max() ?? 0
    return zip(settings, reports).map { setting, report in
      let origin = report.source.map { "\($0.file):\($0.line)" } ?? "default"
      return "\(setting)\(String(repeating: " ", count: width - setting.count))  \(Printable.line(origin))"
    }.joined(separator: "\n")
  }
}

extension SettingsReader {
  /// Reads the settings from the files of the machine and of the node.
  static let files = SettingsReader(machine: { try Settings.ofThisMachine() }) { machine, data, path in
    try machine.with(node: data, at: path)
  }
}

/// A setting as `--json` shows it.
private struct SettingReport: Encodable {
  let key: SettingKey
  let value: SettingValue
  let source: Settings.Source?

  init(_ key: SettingKey, in settings: Settings) {
    self.key = key
    value = settings.value(of: key)
    source = settings.source(of: key)
  }

  private enum Member: String, CodingKey { case key, value, file, line }

  func encode(to encoder: any Encoder) throws {
    var object = encoder.container(keyedBy: Member.self)
    try object.encode(key.rawValue, forKey: .key)
    try object.encode(value, forKey: .value)
    try object.encode(source?.file.string, forKey: .file)
    try object.encode(source?.line, forKey: .line)
  }
}
