import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// A node for one test: a fresh clone whose apt knows one archive and nothing else.
struct PackageNode {
  let store: TestStore
  let id: Int
  let repository: AptRepository

  /// A node that gets packages from the archive of the store.
  init(in packages: PackageStore) throws {
    store = packages.store
    repository = packages.repository
    id = try store.clone(0)
  }

  /// A node that gets packages from its own archive, which the test may change.
  init(in packages: PackageStore, publishing published: [DebPackage]) throws {
    try self.init(in: packages.store, publishing: published)
  }

  /// The same in a store whose base is that of a `PackageStore`.
  init(in store: TestStore, publishing published: [DebPackage]) throws {
    self.store = store
    repository = try AptRepository()
    try repository.publish(published)
    id = try store.clone(0)
    try store.ast(
      ["-q", "run", "\(id)", "sh", "-c", "cat >/\(AptRepository.sourcesFile)"], input: repository.sources
    ).expectSuccess()
  }

  /// The base itself.
  init(baseOf packages: PackageStore) { self.init(packages.store, 0, packages.repository) }

  /// A node that gets packages from the sources of its base, and an archive that no node uses.
  init(withSourcesOf store: TestStore) throws {
    self.init(store, try store.clone(0), try AptRepository())
  }

  private init(_ store: TestStore, _ id: Int, _ repository: AptRepository) {
    self.store = store
    self.id = id
    self.repository = repository
  }

  /// Another node with the same content and the same sources.
  func clone() throws -> PackageNode { PackageNode(store, try store.clone(id), repository) }

  /// A node below this one with the content of another.
  func branch(withContentOf other: PackageNode) throws -> PackageNode {
    struct Made: Decodable { let node: Int }
    return PackageNode(store, try store.report(Made.self, "ubranch", "\(id)", "\(other.id)").node, repository)
  }

  /// A node below this one with the same content and the same sources.
  func branch() throws -> PackageNode {
    struct Made: Decodable { let node: Int }
    return PackageNode(store, try store.report(Made.self, "branch", "\(id)").node, repository)
  }

  /// A copy of this node and of everything below it, in the order of the nodes' numbers.
  func cloneTree() throws -> [PackageNode] {
    struct Made: Decodable { let nodes: [Int] }
    return try store.report(Made.self, "clone-tree", "\(id)").nodes.sorted().map { PackageNode(store, $0, repository) }
  }

  /// The words of a command on this node: the node comes behind the verb.
  func words(_ verb: String, _ rest: [String]) -> [String] { [verb, "\(id)"] + rest }

  /// Runs a verb on this node.
  @discardableResult
  func ast(_ verb: String, _ rest: String..., environment: [String: String] = [:]) throws -> CommandResult {
    try store.ast(words(verb, rest), environment: environment)
  }

  /// Starts a verb on this node.
  func start(_ verb: String, _ rest: String..., environment: [String: String] = [:]) throws -> StartedCommand {
    try store.start(words(verb, rest), environment: environment)
  }

  /// Runs a script in the node with `ast run`; returns the lines of its output.
  @discardableResult
  func shell(_ script: String) throws -> [String] {
    try store.ast(["-q", "run", "\(id)", "sh", "-c", script]).expectSuccess().stdout.lines
  }

  /// Sets a source for the node's packages that is unreachable, which its apt finds at the first attempt.
  func loseSources() throws {
    try shell(
      """
      sed -i 's|^URIs:.*|URIs: http://127.0.0.1:1|' /\(AptRepository.sourcesFile)
      echo 'Acquire::Retries "0";' >/etc/apt/apt.conf.d/99retries
      """)
  }

  /// The path of the node's content.
  var content: FilePath { get throws { try store.content(of: id) } }

  /// The text of a file in the node; nil if there is none.
  func text(of file: String) throws -> String? {
    try? String(contentsOfFile: try content.appending(file).string, encoding: .utf8)
  }

  /// The packages that the base does not have in this version, as `ast list` prints them.
  func added() throws -> [String] {
    let base = Set(try store.ast("list", "0").expectSuccess().stdout.lines)
    return try ast("list").expectSuccess().stdout.lines.filter { !base.contains($0) }
  }

  /// The packages that apt has marked as automatically installed.
  func automatic() throws -> [String] { try shell("apt-mark showauto") }

  /// How often the content of a package's archive was sent.
  func sent(_ package: DebPackage) -> Int { repository.server.bodies(for: repository.path(of: package)) }

  /// The kinds and states of the node's operations, the last one first, with their numbers.
  func history() throws -> [(number: Int, kind: String, state: String)] {
    struct History: Decodable {
      struct Operation: Decodable {
        let id: Int
        let kind: String
        let state: String
      }
      let operations: [Operation]
    }
    return try store.report(History.self, "history", "\(id)").operations.map { ($0.id, $0.kind, $0.state) }
  }

  // MARK: What must not change

  /// The state of a node, to find out whether it was changed.
  struct State: Equatable {
    /// The path, the identity, and that it was always read-only.
    let content: [String]
    /// The names of its generations and clones.
    let names: [String]
  }

  /// The present state of the node.
  func state() throws -> State {
    let shown = try runSuccessfully(["btrfs", "subvolume", "show", content.string]).lines.map {
      $0.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: store.root.appending("nodes/\(id)").string)
    return State(
      content: shown.prefix(1) + shown.filter { $0.hasPrefix("UUID:") || $0.hasPrefix("Flags:") },
      names: names.sorted())
  }

  /// Checks that a command did not change the node, and left nothing that the next command does not remove.
  func expectUntouched(
    since before: State, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try store.ast("tmp").expectSuccess()
    let (after, problems) = (try state(), try Consistency.problems(of: store) + Consistency.findingsOfDoctor(store))
    #expect(after == before, comment, sourceLocation: sourceLocation)
    #expect(problems == [], comment, sourceLocation: sourceLocation)
  }
}

extension CommandResult {
  /// The lines of standard error.
  var said: [String] { stderr.lines }

  /// The objects on standard error, one per line.
  var saidInJSON: [JSON] {
    get throws { try said.map { try JSONDecoder().decode(JSON.self, from: Data($0.utf8)) } }
  }
}

extension JSON {
  /// A member of each element of an array.
  func each(_ key: String) -> [JSON] { elements.map { $0[key] } }
}
