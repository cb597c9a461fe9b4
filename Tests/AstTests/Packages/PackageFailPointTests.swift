import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// The commands about packages, killed at their fail points. `install` is killed at each of them; the others do their
/// work in the same transaction, and are killed around its commit, or with `AST_EVERY_FAIL_POINT` everywhere.
@Suite("Fail points of package commands", .requiresRoot, .serialized)
struct PackageFailPointTests {
  @Test(arguments: PackageVictim.all)
  func commandKilledAnywhereLeavesTheOldOrTheNew(victim: PackageVictim) throws {
    var (node, words) = try victim.newNode()
    let old = try Contents(node)
    let points = try node.store.failPoints(of: words)
    let new = try Contents(node)
    #expect(old != new)
    let sealed = try #require(points.lastIndex(of: "sealed"))
    let committed = try #require(points[sealed...].firstIndex(of: "committed"))
    let isKilledEverywhere = victim.isKilledEverywhere || getenv("AST_EVERY_FAIL_POINT") != nil
    let kills = isKilledEverywhere ? Array(points.indices) : [sealed, committed - 1, committed]
    print("\(words): killed at \(kills.count) of \(points.count) fail points")

    (node, words) = try victim.newNode()
    for index in kills {
      let before = try node.state()
      let trace = try node.store.trace()
      let killed = try node.store.ast(
        words, environment: ["AST_FAIL_AT": "\(index + 1)", "AST_FAIL_TRACE": trace.string])
      let what: Comment = "killed at point \(index + 1), '\(points[index])'"
      #expect(killed.signal == SIGKILL, what)
      #expect(try TestStore.points(in: trace) == Array(points[...index]), what)
      try node.store.ast("tmp").expectSuccess()
      #expect(try Contents(node) == (index < committed ? old : new), what)
      if index < committed { #expect(try node.state() == before, what) }
      let problems = try Consistency.problems(of: node.store) + Consistency.findingsOfDoctor(node.store)
      #expect(problems == [], what)
      // After a kill that changed nothing, the same node can be used for the next one.
      if index >= committed, index != kills.last { (node, words) = try victim.newNode() }
    }
  }

  @Test func lookingChangesNothing() throws {
    let node = try PackageVictim.upgradable()
    let before = try node.state()
    for command in [
      ["refresh"], ["updates"], ["install", "-n", "tool"], ["upgrade", "-n"], ["remove", "-n", "victim"], ["hold"],
    ] {
      #expect(try node.store.failPoints(of: node.words(command[0], Array(command.dropFirst()))) == [], "\(command)")
    }
    try node.expectUntouched(since: before)
  }

  /// The changes of a command about packages. The logs of dpkg and apt are left out, because they have times.
  private struct Contents: Equatable {
    let packages: [String]
    let marks: [String]

    init(_ node: PackageNode) throws {
      packages = try node.ast("list").expectSuccess().stdout.lines
      let script = """
        cat usr/lib/sysimage/apt/extended_states; grep -B 2 hold usr/lib/sysimage/dpkg/status; \
        md5sum usr/share/victim* usr/share/tool || :
        """
      marks = try run(["sh", "-c", script], in: node.content).stdout.lines
    }
  }
}

/// A command about packages to be killed.
struct PackageVictim: Sendable, CustomTestStringConvertible {
  /// The verb.
  let verb: String
  /// Whether it is killed at each fail point.
  private(set) var isKilledEverywhere = false
  private let prepare: @Sendable () throws -> (PackageNode, [String])

  var testDescription: String { verb }

  /// One for each verb.
  static let all: [PackageVictim] =
    [
      PackageVictim("install", "tool", everywhere: true), PackageVictim("remove", "victim"), PackageVictim("upgrade"),
      PackageVictim("tree-upgrade"), PackageVictim("tree-rmpkg", "victim"), PackageVictim("auto-upgrade"),
      PackageVictim("hold", "victim"),
    ] + [
      PackageVictim("unhold") {
        let node = try upgradable()
        try node.shell("apt-mark hold victim")
        return (node, node.words("unhold", ["victim"]))
      },
      PackageVictim("sync", prepare: { try child(of: "sync") }),
      PackageVictim("force-sync", prepare: { try child(of: "force-sync") }),
      PackageVictim("base-update") {
        let packages = try PackageStore(publishing: [DebPackage("tzdata", version: "9999")])
        try PackageNode(in: packages).ast("upgrade").expectSuccess()
        return (PackageNode(baseOf: packages), ["base-update"])
      },
    ]

  /// Makes a node for the command, and returns its words.
  func newNode() throws -> (node: PackageNode, words: [String]) {
    let (node, words) = try prepare()
    // Run the next command, which finishes what follows a commit, so that this one always starts from the same state.
    try node.store.ast("tmp").expectSuccess()
    return (node, words)
  }

  /// The verbs that do not change a node.
  static let looking = ["refresh", "search", "show", "updates"]

  private init(_ verb: String, _ rest: String..., everywhere: Bool = false) {
    self.verb = verb
    isKilledEverywhere = everywhere
    prepare = {
      let node = try Self.upgradable()
      return (node, node.words(verb, rest))
    }
  }

  private init(_ verb: String, prepare: @escaping @Sendable () throws -> (PackageNode, [String])) {
    self.verb = verb
    self.prepare = prepare
  }

  /// A node with a package that has a newer version.
  static func upgradable() throws -> PackageNode { try made.get().clone() }

  /// A node whose parent has a package that it does not have; neither has anything to upgrade.
  private static func child(of verb: String) throws -> (PackageNode, [String]) {
    let (parent, child) = try family.get()
    let top = try parent.clone()
    return (try top.branch(withContentOf: child), top.words(verb, []))
  }

  private static let made = Result {
    let victim = DebPackage("victim", files: ["/usr/share/victim": "1\n"])
    var newer = victim
    newer.version = "2.0"
    newer.files["/usr/share/victim"] = "2\n"
    let library = DebPackage("library", files: ["/usr/share/victim-library": "books\n"])
    let tool = DebPackage("tool", fields: ["Depends": "library"], files: ["/usr/share/tool": "hammer\n"])
    let node = try PackageNode(in: PackageStore(publishing: [victim, newer, library, tool]))
    try node.ast("install", "victim=1.0").expectSuccess()
    // Files that exist already pass no fail points.
    try node.clone().ast("upgrade").expectSuccess()
    try node.clone().ast("install", "tool").expectSuccess()
    return node
  }

  private static let family = Result {
    let child = try upgradable()
    try child.ast("upgrade").expectSuccess()
    let parent = try child.clone()
    try parent.ast("install", "tool").expectSuccess()
    return (parent: parent, child: child)
  }
}
