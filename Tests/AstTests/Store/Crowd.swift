import FoundationEssentials
import SystemPackage
import TestSupport

/// Many commands that are started together on one store, and their required results.
struct Crowd {
  /// One of the commands.
  struct Command {
    /// Its arguments, without `--json`.
    let words: [String]
    /// The exit statuses it may end with.
    let statuses: Set<Int32>
    /// Its process, once it is started.
    var pid: Int32 = 0

    init(_ words: [String], _ statuses: Set<Int32>) {
      self.words = words
      self.statuses = statuses
    }

    /// Whether it adds a line to the file of a node.
    func works(on node: Int) -> Bool { words.starts(with: ["run", "\(node)"]) }
  }

  let store: TestStore
  private let nodesBefore = 8

  /// The nodes in which each command adds a line to a file.
  static let worked = [1, 2]

  /// 0; 1 with 2 and 3 below it; 4; 5 with 6 below it; 7 with two generations.
  init() throws {
    store = try TestStore()
    for command in [
      ["clone", "0"], ["branch", "1"], ["branch", "1"], ["clone", "0"], ["clone", "0"], ["branch", "5"],
      ["clone", "0"], ["run", "7", "touch", "/first"],
    ] {
      try store.ast(command).expectSuccess()
    }
  }

  /// Starts all commands, and reads the tree until all have ended.
  mutating func run() throws -> [(Command, CommandResult)] {
    var commands = Self.commands.shuffled()
    let started = try commands.indices.map { index in
      let process = try store.start(["--json"] + commands[index].words)
      commands[index].pid = process.pid
      return process
    }
    while started.contains(where: \.isRunning) { try readTree() }
    return try zip(commands, started).map { ($0, try $1.wait()) }
  }

  /// Checks that a reader always sees a tree: each line is a node, below its parent.
  private func readTree() throws {
    let lines = try store.ast("tree").expectSuccess().stdout.split(separator: "\n")
    let nodes = lines.dropFirst().compactMap { $0.firstMatch(of: #/([├└]── )(\d+)(\*-| -) /#)?.2 }
    guard lines.first == "root", nodes.count == lines.count - 1, Set(nodes).count == nodes.count else {
      throw NoTree(text: lines.joined(separator: "\n"))
    }
  }

  /// The output of `ast tree` that was not a tree.
  struct NoTree: Error { let text: String }

  private static let work = ["sh", "-c", "echo >>/lines; sleep 0.05"]

  // Busy is 4; for a run it is 125, because its statuses are those of the program.
  private static let commands: [Command] =
    [Command(["run", "1"] + work, [0, 125]), Command(["run", "1"] + work, [0, 125])]
    + [Command(["run", "1"] + work, [0, 125]), Command(["run", "2"] + work, [0, 125])]
    + [
      Command(["run", "2"] + work, [0, 125]), Command(["clone", "1"], [0]), Command(["clone", "1"], [0]),
      Command(["clone", "4"], [0, 3]), Command(["branch", "4"], [0, 3]), Command(["clone-tree", "1"], [0]),
      Command(["-y", "del", "4"], [0, 3, 4]), Command(["-y", "del", "5"], [0, 3, 4]),
      Command(["-y", "del", "6"], [0, 3, 4]), Command(["desc", "3", "described"], [0]),
      Command(["undo", "7"], [0, 4]), Command(["undo", "7"], [0, 4]), Command(["tmp"], [0]), Command(["doctor"], [0]),
      Command(["--yes", "gc", "--keep", "1"], [0]),
    ]

  /// How many nodes there must be according to the commands that succeeded.
  func expectedNodes(after ends: [(Command, CommandResult)]) throws -> Int {
    try ends.filter { $0.1.status == 0 }.reduce(nodesBefore) { count, end in
      let data = try end.1.json["data"]
      switch end.0.words.first {
      case "clone", "branch": return count + 1
      case "clone-tree": return count + data["nodes"].count
      case "-y": return count - data["nodes"].count
      default: return count
      }
    }
  }

  /// How many lines the commands have added in a node.
  func lines(in node: Int) throws -> Int {
    let file = "\(try store.content(of: node))/lines"
    return (try? String(contentsOfFile: file, encoding: .utf8))?.count ?? 0
  }

  /// The store after the next command has cleaned up.
  func settled() throws -> TestStore {
    try store.ast("tmp").expectSuccess()
    return store
  }
}

extension JSON {
  /// How many elements an array has.
  fileprivate var count: Int { if case .array(let elements) = self { elements.count } else { 0 } }
}
