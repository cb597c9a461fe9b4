import SystemPackage
import TestSupport
import Testing

/// Verbs that only read, with their arguments.
private let reading = [
  ["tree"], ["tree", "--long"], ["status"], ["info", "1"], ["history"], ["history", "1"], ["list", "1"],
  ["which", "alpha"], ["diff", "0", "1"],
]

/// Verbs that change something, with their arguments.
private let changing = [
  ["new"], ["clone", "0"], ["branch", "1"], ["cbranch", "1"], ["ubranch", "0", "1"], ["clone-tree", "1"],
  ["desc", "1", "x"], ["del", "--yes", "1"], ["del", "--simulate", "1"], ["chroot", "1"], ["run", "1", "touch", "/x"],
  ["tree-run", "1", "touch", "/x"], ["edit-conf", "1"], ["undo", "1"], ["tmp"], ["gc", "-y"], ["gc", "-n"],
  ["doctor"], ["doctor", "--rebuild"],
  ["init", "--directory", "/nonexistent"],
]

/// The exit status of a verb if ast itself failed with `status`.
private func status(_ status: Int32, of verb: [String]) -> Int32 {
  ["run", "chroot"].contains(verb[0]) ? 125 : status
}

@Suite("Surroundings", .requiresRoot)
struct SurroundingsTests {
  private func storeWithNode(at directory: FilePath? = nil) throws -> TestStore {
    let store = try TestStore(at: directory)
    try store.ast("clone", "0", "mine").expectSuccess()
    return store
  }

  @Test func onlyRootChangesAnything() throws {
    let store = try storeWithNode()
    let before = try store.state()
    for verb in changing {
      let result = try store.astAsNobody(verb)
      #expect(result.status == status(1, of: verb))
      #expect(result.stdout.isEmpty)
      #expect(result.stderr == "ast: `ast \(verb[0])` needs root (use sudo); nothing was changed\n")
      // This comes before everything else, also without a store and with an invalid node.
      #expect(
        try run(
          ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", AstBinary.path.string] + verb,
          environment: plainEnvironment.merging(["AST_STORE": "/nonexistent"]) { $1 }) == result)
    }
    #expect(try store.state() == before)
  }

  /// As cron(8) and su(1) without a dash have it, as a service without an environment has it, and one of an administrator.
  @Test(arguments: ["/usr/bin:/bin", nil, "", "/nonexistent::/opt/bin"])
  func theSearchPathDoesNotMatter(path: String?) throws {
    let disk = try BootDisk()
    let names = ["PATH": path, "AST_STORE": disk.store.root.string, "AST_CONFIG": plainEnvironment["AST_CONFIG"]]
    let environment = names.compactMapValues(\.self)
    let image = try LoopBtrfs.shared.newDirectory().appending("disk")
    defer { _ = try? runSuccessfully(["umount", "\(image).store"]) }
    for verb in [
      ["run", "1", "sh", "-c", "echo $PATH >/etc/path"], ["deploy", "1"],
      [
        "--store", "\(image).store", "init", "--image", "\(image)", "--size", "1G", "--directory",
        try TinyRoot.path.string,
      ],
    ] {
      try run([AstBinary.path.string] + verb, environment: environment).expectSuccess()
    }
    let seen = try String(contentsOfFile: disk.root(of: 1).appending("etc/path").string, encoding: .utf8)
    #expect(seen == "/run/ast/inside/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n")
  }

  /// With few descriptors, each step that opens something is the first to fail once. A bare error number would not say
  /// which.
  @Test(arguments: [["clone", "1"], ["run", "1", "touch", "/x"], ["diff", "0", "1"]])
  func errorsSayWhatWasTried(verb: [String]) throws {
    let store = try storeWithNode()
    var sentences: Set<String> = []
    for limit in 4...28 {
      let result = try run(
        ["prlimit", "--nofile=\(limit)", AstBinary.path.string] + verb,
        environment: plainEnvironment.merging(["AST_STORE": store.root.string]) { $1 })
      #expect(result.signal == nil, "\(limit) descriptors: \(result)")
      for line in result.stderr.lines where line.hasPrefix("ast: ") {
        sentences.insert(String(line.dropFirst("ast: ".count).prefix { $0 != ";" }))
      }
    }
    #expect(sentences.contains { $0.contains("Too many open files") }, "\(sentences)")
    for sentence in sentences {
      #expect(!sentence.hasPrefix("Too many open files"), "\(sentences)")
    }
    #expect(try Consistency.problems(of: store) == [])
  }

  @Test func everybodyReads() throws {
    let store = try storeWithNode()
    for verb in reading {
      let (result, expected) = (try store.astAsNobody(verb), try store.ast(verb).expectSuccess())
      // What root has typed is for root alone.
      let hidesCommands = verb[0] == "history"
      #expect(result.status == 0 && (hidesCommands || result.stdout == expected.stdout), "\(verb)")
      let note = "ast: files are compared only for root (use sudo)\nast: no package differs\n"
      #expect(result.stderr == (verb[0] == "diff" ? note : expected.stderr), "\(verb)")
    }
    for verb in [["version"], ["--version"], ["help"], ["help", "clone"], ["clone", "--help"]] {
      #expect(try store.astAsNobody(verb).expectSuccess().stderr == "")
    }
    #expect(try store.astAsNobody(["current"]).status == 3)
    // If `sqlite3` or a copy has left no log, the user nobody cannot make one.
    try runSuccessfully(["sqlite3", store.database.string, "PRAGMA wal_checkpoint(TRUNCATE)"])
    try runSuccessfully(["rm", "-f", "\(store.database)-wal", "\(store.database)-shm"])
    for verb in reading { try store.astAsNobody(verb).expectSuccess() }
    // They read a copy, which has its place. The tree is there, whatever becomes of the copy.
    let placeless = try store.ast(["tree", "--long"], environment: ["TMPDIR": "/nonexistent"])
    #expect(
      placeless.status == 1 && placeless.stderr.contains("cannot make a directory in /nonexistent"), "\(placeless)")
  }

  @Test func onAReadOnlyFileSystemTheTreeIsReadAndNotChanged() throws {
    let disk = try LoopBtrfs.small()
    defer { disk.remove() }
    let store = try storeWithNode(at: try disk.newDirectory())
    let written = try reading.map { try store.ast($0).expectSuccess().stdout.lines }
    try disk.remount("ro")
    for (verb, lines) in zip(reading, written) where verb != ["tree", "--long"] && verb != ["status"] {
      #expect(try store.ast(verb).expectSuccess().stdout.lines == lines)
      let seen = try store.astAsNobody(verb).expectSuccess().stdout.lines
      #expect(verb[0] == "history" ? seen.count == lines.count : seen == lines)
    }
    for verb in reading { try store.astAsNobody(verb).expectSuccess() }
    let before = try store.state()
    for verb in changing {
      let result = try store.ast(verb)
      #expect(result.status == status(1, of: verb), "\(verb)")
      #expect(result.stdout.isEmpty)
      #expect(
        result.stderr.lines.first?.hasSuffix(" \(store.root) is mounted read-only; nothing was changed") == true,
        "\(verb): \(result.stderr)")
    }
    #expect(try store.state() == before)
    try disk.remount("rw")
    try store.ast("run", "1", "touch", "/x").expectSuccess()
  }

  @Test func whereThereIsNoStoreItSaysSo() throws {
    for place in ["/nonexistent", "/etc/passwd", "/dev/null", "/tmp", "/proc", "."] {
      let verbs = place == "/nonexistent" ? reading + changing : [["tree"], ["clone", "0"], ["doctor", "--rebuild"]]
      for verb in verbs where verb[0] != "init" {
        let result = try run(
          [AstBinary.path.string, "--store", place] + verb, environment: plainEnvironment, in: "/tmp")
        #expect(result.status == status(3, of: verb))
        #expect(result.stderr.lines.first == "ast: there is no store at \(place)", "\(verb)")
        #expect(result.stderr.lines.count == 2, "\(verb): \(result.stderr)")
      }
    }
    let unnamed = try run([AstBinary.path.string, "tree", "--store", ""])
    #expect(unnamed.status == 2)
    #expect(unnamed.stderr.lines.first == "ast: the store's directory has no name")
    let inherited = try run(
      [AstBinary.path.string, "tree"], environment: plainEnvironment.merging(["AST_STORE": ""]) { $1 })
    #expect(inherited.stderr.lines.first == "ast: there is no store at /.snapshots")
  }

  @Test func aStoreIsOnBtrfs() throws {
    let directory = FilePath(try runSuccessfully(["mktemp", "--directory", "/dev/shm/ast-XXXXXX"]).lines[0])
    defer { _ = try? run(["rm", "-r", directory.string]) }
    let store = try storeWithNode()
    try runSuccessfully(["cp", "--archive", store.root.appending("ast").string, directory.string])
    #expect(try run([AstBinary.path.string, "--store", directory.string, "tree"]) == store.ast("tree").expectSuccess())
    for verb in changing {
      let result = try run([AstBinary.path.string, "--store", directory.string] + verb)
      #expect(result.status == status(1, of: verb))
      #expect(
        result.stderr.lines.first?.hasSuffix(" \(directory) is not on a btrfs file system; nothing was changed")
          == true,
        "\(verb): \(result.stderr)")
    }
  }

  @Test func insideANodeItRefuses() throws {
    let store = try storeWithNode()
    let before = try store.state()
    func inside(_ arguments: [String]) throws -> CommandResult {
      let enter = "mount -t tmpfs none /run && mkdir /run/ast && : >/run/ast/sandbox && exec \"$@\""
      return try run(
        ["unshare", "--mount", "sh", "-c", enter, "sh", AstBinary.path.string] + arguments,
        environment: plainEnvironment.merging(["AST_STORE": store.root.string]) { $1 })
    }
    for verb in reading + changing {
      let result = try inside(verb)
      #expect(result.status == status(5, of: verb))
      #expect(result.stderr.hasPrefix("ast: this is inside a node: here, ast would work on the wrong system\n"))
    }
    #expect(try store.state() == before)
    try inside(["version"]).expectSuccess()
    try inside(["help"]).expectSuccess()
    #expect(try inside(["--chroot", "tree"]).expectSuccess().stdout == store.ast("tree").stdout)
    try inside(["--chroot", "branch", "1"]).expectSuccess()
  }
}

extension String {
  /// The lines, without the empty one after the last newline.
  var lines: [String] { split(separator: "\n").map(String.init) }
}
