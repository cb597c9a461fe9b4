import ArgumentParser
import Glibc
import Host
import Nodes
import Packages
import SnapshotTree
import Store

struct Search: ListVerb {
  static let configuration = CommandConfiguration(
    commandName: "search", abstract: "Find packages by words in their names and descriptions")

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @OptionGroup var place: ListNodeOption
  @Flag(help: "Find applications, as the archives describe them for people (AppStream).") var apps = false
  @Argument(help: ArgumentHelp("The words, all of which must be there.", valueName: "word")) var words: [String]

  func validate() throws {
    guard !words.contains("") else { throw ValidationError("a word is empty") }
  }

  func perform(in context: Context) throws -> Report {
    if apps { return try searchApplications(in: context) }
    let found = try context.store.search(words, in: listedNode(in: context))
    if found.isEmpty { context.output.note("no package has \(words.count == 1 ? "this word" : "all these words")") }
    let lines = found.map { "\(Palette.results.strong(Printable.line($0.name))) - \(Printable.line($0.summary))" }
    return Report(
      text: lines.joined(separator: "\n"), data: ["packages": found.map(FoundReport.init)],
      status: found.isEmpty ? AstError.Code.notFound.exitStatus : 0)
  }
}

extension Search {
  private func searchApplications(in context: Context) throws -> Report {
    let node = try namedNode(in: context)
    if geteuid() == 0, try !context.store.hasFreshApplications(of: node) {
      let store = try writableStore(in: context)
      let view = ProgressView(context.output)
      defer { view.clear() }
      view.show(.refreshing, of: node)
      do {
        try store.fetchApplications(of: node)
      } catch let error as AstError where error.code == .failed {
        // What there is may be enough.
        guard store.hasApplications(of: node) else { throw error }
        context.output.warn(error.reason)
      }
    }
    let found = try context.store.searchApplications(words, in: node)
    if found.isEmpty { context.output.note("no application has \(words.count == 1 ? "this word" : "all these words")") }
    let lines = found.map { found in
      let (name, summary) = (found.application.name, found.application.summary)
      let title = "\(Palette.results.strong(Printable.line(name))) (\(Printable.line(found.application.package)))"
      return summary.isEmpty ? title : "\(title) - \(Printable.line(summary))"
    }
    return Report(
      text: lines.joined(separator: "\n"), data: ["applications": found.map(ApplicationReport.init)],
      status: found.isEmpty ? AstError.Code.notFound.exitStatus : 0)
  }
}

struct Show: ListVerb {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show what a package is, its versions, and the nodes that have it")

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @OptionGroup var place: ListNodeOption
  @Argument(help: ArgumentHelp("The packages.", valueName: "package"), completion: Completion.available)
  var packages: [String]

  func perform(in context: Context) throws -> Report {
    let node = try listedNode(in: context)
    let found = try packages.map { try context.store.show($0, in: node) }
    return Report(
      text: found.map(Self.text).joined(separator: "\n\n"), data: ["packages": found.map(ShownReport.init)])
  }

  private static func text(_ package: AvailablePackage) -> String {
    var lines = package.versions.enumerated().map { index, version in (index == 0 ? "Version" : "", version.words) }
    lines += [("Section", package.section), ("Source", package.source), ("Homepage", package.homepage)]
      .compactMap { name, value in value.map { (name, $0) } }
    let nodes = package.nodes.map { node, packages in
      let versions = Set(packages.map(\.version)).sorted().joined(separator: ", ")
      return "\(node.id) (\(versions))"
    }
    lines.append(("Nodes", nodes.isEmpty ? "-" : nodes.joined(separator: ", ")))
    let width = lines.map(\.0.count).max() ?? 0
    let table = lines.map { name, value in
      let label = name.isEmpty ? "" : "\(name):"
      return Printable.line("\(label)\(String(repeating: " ", count: width + 3 - label.count))\(value)")
    }
    let title = "\(Palette.results.strong(Printable.line(package.name))) - \(Printable.line(package.summary))"
    let description = package.description.map { $0 == "." ? "" : "  \(Printable.line($0))" }
    return ([title] + table + (description.isEmpty ? [] : [""] + description)).joined(separator: "\n")
  }
}

/// A verb that reads the lists of packages of a node.
protocol ListVerb: Verb {
  var place: ListNodeOption { get }
}

/// The option that names the node whose lists are read.
struct ListNodeOption: ParsableArguments {
  @Option(
    name: [.customShort("N"), .customLong("node")],
    help: "The node whose sources count (default: the running or the default one).")
  var node: NodeName?
}

extension ListVerb {
  static var needs: Need { .reading }

  /// The node whose lists are read. Root fetches those that are missing.
  fileprivate func listedNode(in context: Context) throws -> NodeID {
    let node = try namedNode(in: context)
    guard geteuid() == 0 else { return node }
    // Lists become readable for users by being written down in the store, which is mounted read-only on a booted machine.
    try PrivateStore.enter(at: context.global.root, mounting: false)
    guard try !context.store.publishPackageLists(of: node) else { return node }
    let store = try writableStore(in: context)
    let view = ProgressView(context.output)
    defer { view.clear() }
    try store.refreshIndices(of: node) { view.show($0, of: node) }
    return node
  }

  /// The node that is named, or else the running or the default one.
  fileprivate func namedNode(in context: Context) throws -> NodeID {
    let store = try context.store
    guard let node = try place.node.map(context.node) ?? store.bootedNode() ?? store.defaultNode() else {
      throw AstError(.usage, "a node is missing", state: .unchanged, hint: "name it with `-N NODE`")
    }
    _ = try store.node(node)
    return node
  }

  /// The store for root to fetch something into it.
  fileprivate func writableStore(in context: Context) throws -> Store {
    try PrivateStore.enter(at: global.root, mounting: false)
    return try Store(
      opening: global.root, .writing, wait: global.wait, command: context.command, reader: .files,
      report: context.output.report, warn: context.output.warn)
  }
}

extension AvailablePackage.Version {
  /// The version with its archive and sizes.
  fileprivate var words: String {
    let place = [origin, suite.map { suite in suite + (component.map { "/\($0)" } ?? "") }].compactMap(\.self)
    let sizes = [
      size.map { "\(Quantity.bytes($0)) to download" }, installedSize.map { "\(Quantity.bytes($0)) on disk" },
    ]
    let facts = [place.joined(separator: " "), architecture] + sizes.compactMap(\.self)
    return "\(version) (\(facts.filter { !$0.isEmpty }.joined(separator: ", ")))"
  }
}

/// A package that was found, as `--json` shows it.
private struct FoundReport: Encodable {
  let name: String
  let version: String
  let summary: String

  init(_ package: FoundPackage) {
    (name, version, summary) = (package.name, package.version, package.summary)
  }
}

/// An application that was found, as `--json` shows it.
private struct ApplicationReport: Encodable {
  let id: String
  let name: String
  let summary: String
  let package: String
  @Nullable var picture: String?

  init(_ found: FoundApplication) {
    let application = found.application
    (id, name, summary, package) = (application.id, application.name, application.summary, application.package)
    picture = found.picture?.string
  }
}

/// A package of the archives as `--json` shows it.
private struct ShownReport: Encodable {
  struct Version: Encodable {
    let version: String
    let architecture: String
    @Nullable var origin: String?
    @Nullable var suite: String?
    @Nullable var component: String?
    @Nullable var size: Int64?
    @Nullable var installedSize: Int64?
  }

  let name: String
  let versions: [Version]
  @Nullable var section: String?
  @Nullable var source: String?
  @Nullable var homepage: String?
  let summary: String
  let description: String
  let nodes: [WhichReport]

  init(_ package: AvailablePackage) {
    name = package.name
    versions = package.versions.map {
      Version(
        version: $0.version, architecture: $0.architecture, origin: $0.origin, suite: $0.suite,
        component: $0.component, size: $0.size, installedSize: $0.installedSize)
    }
    section = package.section
    source = package.source
    homepage = package.homepage
    summary = package.summary
    description = package.description.map { $0 == "." ? "" : $0 }.joined(separator: "\n")
    nodes = package.nodes.flatMap { node, packages in packages.map { WhichReport(node: node.id, package: $0) } }
  }
}
