import ArgumentParser
import Boot
import FoundationEssentials
import Host
import Nodes
import Settings
import SnapshotTree
import Store
import TOMLFiles

struct Config: Verb {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Show the settings in force, and where they were set, or change a node's",
    discussion: """
      They are in /etc/ast/ast.toml and /etc/ast/ast.toml.d/*.toml, and a node's own in /etc/ast/node.toml of the node \
      (`ast edit-conf`): see ast.toml(5). A value is what follows the equals sign there; quotes and brackets can be left \
      out.
      """)
  static var needs: Need { .nothing }
  var need: Need { isChange ? .writing : Self.needs }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Option(name: [.customShort("N"), .long], help: "Show the settings in force for this node.")
  var node: NodeName?
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("Give the node a setting of its own; can be repeated.", valueName: "setting=value"),
    completion: Completion.assignments)
  var assignments: [SettingAssignment] = []
  @Option(
    name: .customLong("unset"),
    help: ArgumentHelp("Remove a setting of the node's own; can be repeated.", valueName: "setting"),
    completion: .list(SettingKey.ofNodes.map(\.rawValue)))
  var removals: [String] = []
  @Argument(help: "The setting, such as updates.policy.", completion: .list(SettingKey.allCases.map(\.rawValue)))
  var key: String?

  private var isChange: Bool { !assignments.isEmpty || !removals.isEmpty }

  func validate() throws {
    guard isChange else { return }
    guard node != nil else {
      throw ValidationError("--set and --unset need -N: the machine's settings are in \(Settings.file)")
    }
    guard key == nil else { throw ValidationError("--set and --unset take no other argument") }
    var seen: Set<String> = []
    for name in assignments.map(\.key) + removals where !seen.insert(name).inserted {
      throw ValidationError("\(name) is there twice")
    }
  }

  func perform(in context: Context) throws -> Report {
    if isChange, let node { return try change(context.node(node), context) }
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

  private func change(_ node: NodeID, _ context: Context) throws -> Report {
    let chosen = try assignments.map { assignment in
      let key = try SettingKey.ofNode(named: assignment.key)
      return (key, try key.checked(assignment.value))
    }
    let removed = try removals.map(SettingKey.ofNode)
    let signs = chosen.first { $0.0 == .signModules }.map { $0.1 == .flag(true) }
    if signs == true, try !context.store.allowsSigning(in: node) {
      guard try Confirmation.given(Self.signingQuestion(node), global) else { throw Confirmation.refusal }
    }
    // What is set and not allowed has no effect.
    if signs == false || removed.contains(.signModules) { try context.store.forbidSigning(in: node) }
    let outcome = try context.store.changeConfiguration(of: node) { data, path in
      var text = SettingsText(data, at: path)
      for (key, value) in chosen { try text.set(key, to: value) }
      for key in removed { try text.remove(key) }
      return Data(text.bytes)
    }
    if signs == true {
      let key = try context.store.allowSigning(in: node)
      if let advice = try ModuleKeyReport(key)?.advice { context.output.note(advice) }
    }
    return Report(outcome, of: node, context.output)
  }

  private static func signingQuestion(_ node: NodeID) -> String {
    "Kernel modules that programs in node \(node) build or bring will be signed with the machine's key. Where firmware "
      + "knows it, whoever controls node \(node) decides what its kernel runs, Secure Boot or not. Allow this?"
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

/// A setting and its value, as `KEY=VALUE`.
struct SettingAssignment: ExpressibleByArgument {
  let key: String
  let value: String

  /// Reads what was typed; nil without an equals sign, or without anything before it.
  init?(argument: String) {
    guard let sign = argument.firstIndex(of: "="), sign != argument.startIndex else { return nil }
    key = String(argument[..<sign])
    value = String(argument[argument.index(after: sign)...])
  }
}

extension SettingKey {
  /// The settings that a node can have.
  static var ofNodes: [SettingKey] { allCases.filter { $0.isSetting(of: .node) } }

  /// The setting of nodes with this name.
  ///
  /// - Throws: `AstError` (usage) with the names that there are.
  fileprivate static func ofNode(named name: String) throws -> SettingKey {
    let hint = "a node can have \(ofNodes.map(\.rawValue).joined(separator: ", "))"
    guard let key = SettingKey(rawValue: name) else {
      throw AstError(.usage, "there is no setting \(name)", state: .unchanged, hint: hint)
    }
    guard key.isSetting(of: .node) else {
      throw AstError(.usage, Settings.Owner.node.words(onLackOf: name), state: .unchanged, hint: hint)
    }
    return key
  }

  /// The value that was typed.
  ///
  /// - Throws: `AstError` (usage) with the values that there are.
  fileprivate func checked(_ typed: String) throws -> SettingValue {
    let value = self.value(typed: typed)
    if let objection = objection(to: value) {
      throw AstError(.usage, objection, state: .unchanged, hint: "see ast.toml(5)")
    }
    return value
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
