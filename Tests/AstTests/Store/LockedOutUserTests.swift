import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// Users of the machine: they see the tree, and hold nothing that a command of root waits for.
@Suite("Users and locks", .requiresRoot)
struct LockedOutUserTests {
  private let store: TestStore

  init() throws {
    store = try TestStore()
    try store.ast("clone", "0", "one").expectSuccess()
  }

  /// Runs a program as the user nobody.
  private func asNobody(_ command: [String]) throws -> CommandResult {
    try run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] + command)
  }

  /// Those of the files that a user may open for reading.
  private func readable(_ paths: [String]) throws -> [String] {
    try asNobody(
      ["sh", "-c", "for f; do if head -c 1 \"$f\" >/dev/null; then echo \"$f\"; fi; done 2>/dev/null", "sh"] + paths
    ).stdout.lines
  }

  /// A command for each way in which root takes locks.
  private static let commands = [
    ["desc", "1", "two"], ["run", "1", "touch", "/x"], ["clone", "1"], ["tree"], ["undo", "1"], ["gc", "-y"],
    ["doctor"],
    ["boot-complete"], ["boot-failed", "x"], ["boot-resumed"],
  ]

  /// Every lock that a command takes is on a file that a user cannot open.
  @Test func noLockIsOnAFileThatUsersCanOpen() throws {
    var locked: Set<String> = []
    let trace = try LoopBtrfs.shared.newDirectory().appending("trace")
    for command in Self.commands {
      try runSuccessfully(
        [
          "strace", "-f", "-y", "-e", "trace=fcntl,flock", "-o", trace.string, AstBinary.path.string, "--store",
          "\(store.root)",
        ]
          + command)
      let calls = try String(contentsOfFile: trace.string, encoding: .utf8).lines.filter { call in
        ["F_SETLK", "F_SETLKW", "F_OFD_SETLK", "F_OFD_SETLKW", "flock("].contains { call.contains($0) }
      }
      #expect(!calls.isEmpty || command[0].hasPrefix("boot-"), "\(command)")
      for call in calls {
        let path = call.split(separator: "<").dropFirst().first?.prefix { $0 != ">" } ?? ""
        locked.insert(String(path))
      }
    }
    #expect(locked.contains("\(store.root)/ast/lock/tree"), "\(locked)")
    #expect(try readable(locked.sorted()) == [])
    #expect(try readable(["\(store.root)/ast/public.sqlite"]).count == 1)
    let modes = try runSuccessfully(
      ["sh", "-c", "cd ast && stat -c '%a %n' lock lock/* tree.sqlite* public.sqlite"], in: store.root)
    #expect(
      modes == """
        700 lock
        600 lock/node-0
        600 lock/node-1
        600 lock/tree
        600 tree.sqlite
        600 tree.sqlite-shm
        600 tree.sqlite-wal
        644 public.sqlite

        """)
  }

  /// However many they are, a change does not wait for them: they take no locks at all.
  @Test func usersTakeNoLocks() throws {
    let trace = try LoopBtrfs.shared.newDirectory().appending("trace")
    for verb in [["tree"], ["status"], ["history"], ["list", "1"]] {
      let command =
        [
          "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", AstBinary.path.string, "--store",
          "\(store.root)",
        ] + verb
      try runSuccessfully(["strace", "-f", "-e", "trace=fcntl,flock", "-o", trace.string] + command)
      let calls = try String(contentsOfFile: trace.string, encoding: .utf8)
      #expect(!calls.contains("LK") && !calls.contains("flock("), "\(verb): \(calls)")
    }
  }

  /// The store of an older ast, whose files all users can read, is put right by the first command that changes something.
  /// A command that reads only does not.
  @Test func theStoreOfAnOlderAstIsPutRight() throws {
    let script = "chmod 755 lock; chmod 644 lock/* tree.sqlite*; rm public.sqlite"
    try runSuccessfully(["sh", "-c", script], in: store.root.appending("ast"))
    #expect(try store.astAsNobody(["tree"]).expectSuccess().stdout.contains("one"))
    try store.ast("tree").expectSuccess()
    #expect(try readable(["\(store.database)"]).count == 1)
    try store.ast("desc", "1", "two").expectSuccess()
    let files = ["tree.sqlite", "tree.sqlite-wal", "tree.sqlite-shm", "lock/tree", "lock/node-0"].map {
      "\(store.root)/ast/\($0)"
    }
    #expect(try readable(files) == [])
    #expect(try store.astAsNobody(["tree"]).expectSuccess().stdout.contains("two"))
    #expect(try Consistency.problems(of: store) == [])
  }

  @Test func usersSeeTheTreeWhileRootChangesIt() throws {
    let work = try store.start(["run", "1", "sh", "-c", "touch /x; sleep 1000"])
    try eventually("the run") { try store.ast("info", "1").stdout.contains("run running") }
    let status = try store.astAsNobody(["status"]).expectSuccess()
    #expect(status.stderr == "")
    #expect(try store.astAsNobody(["info", "1"]).stdout.contains("run running"))
    #expect(try store.astAsNobody(["tree"]).stdout == store.ast("tree").stdout)
    #expect(try store.astAsNobody(["list", "0"]).stdout == store.ast("list", "0").stdout)
    kill(work.pid, SIGKILL)
    _ = try work.wait()
    // Its process is gone, though the row says that it runs.
    #expect(try !store.astAsNobody(["info", "1"]).expectSuccess().stdout.contains("running"))
    for verb in [
      ["tree", "--long"], ["history"], ["which", "alpha"], ["deployments"], ["check"], ["diff", "0", "1"], [],
    ] {
      let result = try store.astAsNobody(verb)
      #expect([0, 3].contains(result.status) && !result.stderr.contains("root can"), "\(verb): \(result)")
    }
  }

  /// What root types may have a password in it.
  @Test func whatRootTypesIsForRootAlone() throws {
    let secret = "pass-word-\(getpid())"
    try store.ast("run", "1", "sh", "-c", "true \(secret)").expectSuccess()
    #expect(try store.ast("run", "1", "/nonexistent/\(secret)").status == 127)
    #expect(try store.ast("run", "1", "sh", "-c", "exit 9 # \(secret)").status == 9)
    let work = try store.start(["run", "1", "sh", "-c", "sleep 1000 # \(secret)"])
    try eventually("the run") { try store.ast("info", "1").stdout.contains("run running") }
    defer { kill(work.pid, SIGKILL) }
    #expect(try store.ast("history", "--json").stdout.contains(secret))
    let history = try store.astAsNobody(["history"]).expectSuccess().stdout
    #expect(history.contains(#/  failed +1 +ast run 1\n +exit status 9\n/#), "\(history)")
    #expect(history.contains(#/  done +1 +ast run 1/#), "\(history)")
    let json = try store.astAsNobody(["history", "--json"]).expectSuccess().stdout
    #expect(!history.contains(secret) && !json.contains(secret))
    // Not in a free page of the copy either, and in no other file that users can read.
    let files = try runSuccessfully(["find", "\(store.root)/ast", "-type", "f"]).lines
    let open = try readable(files)
    #expect(open.contains("\(store.root)/ast/public.sqlite"))
    #expect(try run(["grep", "--files-with-matches", secret] + open).stdout == "")
    #expect(try run(["grep", "--files-with-matches", secret] + files).stdout != "")
  }

  /// The copy has the rows of the database, however many changes there were, and whatever an older ast did meanwhile.
  @Test func theCopyHasTheRowsOfTheDatabase() throws {
    func rows(_ file: String, _ table: String, _ columns: String) throws -> String {
      try runSuccessfully([
        "sqlite3", "-readonly", "\(store.root)/ast/\(file)", "SELECT \(columns) FROM \(table) ORDER BY 1, 2",
      ])
    }
    func expectEqual() throws {
      for (table, columns) in [
        ("setting", "*"), ("node", "*"), ("generation", "*"), ("deployment", "*"), ("node_role", "*"),
        ("deployment_role", "*"), ("manifest", "*"),
        ("manifest_package JOIN package ON package.id = package", "manifest, name, architecture, version"),
        ("operation", "id, kind, node, state, started, ended, pid, generation, from_generation, leader"),
      ] { #expect(try rows("public.sqlite", table, columns) == rows("tree.sqlite", table, columns), "\(table)") }
    }
    try store.ast(
      "run", "1", "sh", "-c",
      "printf '\\nPackage: more\\nStatus: install ok installed\\nArchitecture: all\\nVersion: 1\\n' >>/var/lib/dpkg/status"
    ).expectSuccess()
    try expectEqual()
    try store.ast("clone-tree", "1").expectSuccess()
    try store.ast("branch", "1", "leaf").expectSuccess()
    try store.ast("undo", "1").expectSuccess()
    try store.ast("del", "-y", "2").expectSuccess()
    try expectEqual()
    // What the copy does not have because another ast wrote, or has too much.
    try runSuccessfully(
      [
        "sqlite3", "\(store.root)/ast/public.sqlite",
        "DELETE FROM manifest_package; DELETE FROM manifest; UPDATE node SET description = 'x'; DELETE FROM operation WHERE id > 3",
      ])
    try runSuccessfully([
      "sqlite3", "\(store.root)/ast/tree.sqlite", "UPDATE node SET description = 'older' WHERE id = 0",
    ])
    try store.ast("desc", "1", "again").expectSuccess()
    try expectEqual()
    // A copy that is damaged is made anew.
    for damage in [
      ": >public.sqlite", "head -c 9000 /dev/urandom >public.sqlite", "truncate -s 4096 public.sqlite",
      "rm public.sqlite",
    ] {
      try runSuccessfully(["sh", "-c", damage], in: store.root.appending("ast"))
      let user = try store.astAsNobody(["tree"])
      #expect(user.status == 1 && user.stderr.hasPrefix("ast: only root can read the tree"), "\(damage): \(user)")
      #expect(try store.ast("desc", "1", "after damage").expectSuccess().stderr == "")
      try expectEqual()
    }
  }

  /// A journal that is left beside the new copy would be played back into the next one.
  @Test func thereIsNoJournalOfTheCopy() throws {
    let journal = "\(store.root)/ast/public.sqlite.new-journal"
    let trace = try LoopBtrfs.shared.newDirectory().appending("trace")
    for damage in ["true", "rm public.sqlite", ": >\(journal)"] {
      try runSuccessfully(["sh", "-c", damage], in: store.root.appending("ast"))
      try runSuccessfully([
        "strace", "-e", "trace=openat", "-o", trace.string, AstBinary.path.string, "--store", "\(store.root)", "desc",
        "1",
        damage,
      ])
      let calls = try String(contentsOfFile: trace.string, encoding: .utf8).lines
      #expect(calls.contains { $0.contains("/public.sqlite.new\"") }, "\(damage)")
      #expect(!calls.contains { $0.contains(journal) }, "\(damage)")
      #expect(!FileManager.default.fileExists(atPath: journal), "\(damage)")
    }
  }

  /// An older ast does not write the copy.
  @Test func usersAreToldThatTheCopyIsOld() throws {
    let copy = try LoopBtrfs.shared.newDirectory().appending("old")
    try runSuccessfully(["cp", "-p", "\(store.root)/ast/public.sqlite", copy.string])
    try store.ast("desc", "1", "new").expectSuccess()
    try runSuccessfully(["cp", "-p", copy.string, "\(store.root)/ast/public.sqlite"])
    let result = try store.astAsNobody(["tree"]).expectSuccess()
    #expect(result.stdout.contains("1 - one"))
    #expect(result.stderr.hasPrefix("ast: warning: this is the tree as it was before the last changes"), "\(result)")
  }

  /// If the copy cannot be written, the change is made all the same.
  @Test func aChangeDoesNotNeedTheCopy() throws {
    try runSuccessfully(
      ["sh", "-c", "rm public.sqlite; mkdir public.sqlite; touch public.sqlite/x"], in: store.root.appending("ast"))
    let result = try store.ast("desc", "1", "new").expectSuccess()
    #expect(result.stderr.hasPrefix("ast: warning: users do not see this change yet: "), "\(result)")
    #expect(try store.ast("tree").stdout.contains("1 - new"))
  }

  // MARK: Waiting

  /// Takes the lock of a command that is stuck (fcntl(2), F_OFD_SETLK).
  private func hold(_ name: String, as command: String) throws -> FileDescriptor {
    let file = try FileDescriptor.open(
      store.root.appending("ast/lock/\(name)"), .readWrite, options: [.create, .closeOnExec],
      permissions: .ownerReadWrite)
    var lock = flock()
    lock.l_type = Int16(F_WRLCK)
    #expect(fcntl(file.rawValue, 37, &lock) == 0)
    let holder = #"{"pid":\#(getpid()),"command":"\#(command)","started":800000000}"#
    try file.resize(to: 0)
    _ = try file.writeAll(holder.utf8)
    return file
  }

  /// The time since when a lock is held, as people read it here.
  private func since() throws -> String {
    try runSuccessfully(["date", "--date", "2026-05-09T06:13:20Z", "+%Y-%m-%d %H:%M"]).lines.joined()
  }

  @Test func whoWaitsForTheTreeKnowsWhyAndHowLong() throws {
    let stuck = try hold("tree", as: "ast stuck")
    let result = try store.ast("desc", "--wait=3", "1", "new")
    try stuck.close()
    #expect(result.status == 4)
    let holder = "`ast stuck` (pid \(getpid()), since \(try since())) works on it"
    #expect(
      result.stderr == """
        ast: warning: waiting for the tree: \(holder)
        ast: the tree is locked: \(holder); nothing was changed
             if it is stuck, end it with `kill \(getpid())`

        """, "\(result)")
    #expect(try store.ast("desc", "1", "new").expectSuccess().stderr == "")
  }

  @Test func whoWaitsForANodeKnowsWhy() throws {
    let held = try hold("node-1", as: "ast busy")
    let waiting = try store.start(["run", "--wait=forever", "1", "touch", "/y"])
    usleep(3_000_000)
    try held.close()
    let result = try waiting.wait()
    #expect(result.status == 0, "\(result)")
    #expect(
      result.stderr.lines.first
        == "ast: warning: waiting for node 1: `ast busy` (pid \(getpid()), since \(try since())) works on it")
  }
}
