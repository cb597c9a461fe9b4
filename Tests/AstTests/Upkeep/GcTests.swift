import Btrfs
import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import SystemPackage
import TestSupport
import Testing

@Suite("Garbage collection", .requiresRoot)
struct GcTests {
  /// A store with a node 1 of this many generations, all of which still exist.
  private func store(generations: Int = 6, at directory: FilePath? = nil) throws -> TestStore {
    let store = try TestStore(at: directory)
    try store.ast("clone", "0", "one").expectSuccess()
    for number in 2...max(2, generations) { try store.keepingAll("run", "1", "touch", "/\(number)") }
    try store.ast("tmp").expectSuccess()
    return store
  }

  private func expectSound(_ store: TestStore) throws {
    try store.ast("tmp").expectSuccess()
    #expect(try Consistency.problems(of: store) == [])
    #expect(try Consistency.findingsOfDoctor(store) == [])
  }

  @Test func generationsBeyondTheNumberKeptGo() throws {
    let store = try store()
    let content = try TestStore.checksum(of: store.content(of: 1))
    let result = try store.ast("gc", "-y").expectSuccess()
    #expect(result.stdout == "Deleted: 3 generations.\n")
    #expect(result.stderr == "")
    #expect(try store.generations(of: 1) == [4, 5, 6])
    #expect(try store.ast("gc", "-y").expectSuccess().stdout == "")
    #expect(try store.ast("gc").expectSuccess().stdout == "")
    #expect(try store.ast("gc", "-y", "--keep", "2").expectSuccess().stdout == "Deleted: 1 generation.\n")
    #expect(try store.generations(of: 1) == [5, 6])
    // The generation that `undo` goes back to is kept.
    #expect(try store.ast("gc", "-y", "--keep", "1").expectSuccess().stdout == "")
    #expect(try TestStore.checksum(of: store.content(of: 1)) == content)
    try store.ast("undo", "1").expectSuccess()
    #expect(try store.ast("history", "1", "--json").json["data"]["operations"][1]["kind"] == .text("gc"))
    try expectSound(store)
  }

  @Test func simulationTellsAndChangesNothing() throws {
    let store = try store()
    try store.ast("run", "1", "true").expectSuccess()
    try store.kill(["run", "1", "touch", "/lost"], at: "sealed")
    let before = try store.state()
    let result = try store.ast("gc", "--simulate").expectSuccess()
    let lines = result.stdout.lines
    #expect(lines[..<2] == ["Would be deleted:", "Generations:"])
    #expect(lines[2...4].map { $0.split(separator: ",")[0] } == ["  3 of node 1", "  2 of node 1", "  1 of node 1"])
    #expect(
      lines[5...] == [
        "Left over:", "  remains of `ast run 1 touch /lost` (t9)", "Deleting these generations frees 0 B.",
      ])
    let data = try store.ast("gc", "-n", "--json").expectSuccess().json["data"]
    #expect(data["generations"].each("generation") == [3, 2, 1].map { .number($0) })
    #expect(data["leftovers"] == .array([.number(9)]))
    #expect(data["deployments"] == .array([]))
    #expect(try store.state() == before)
    let done = try store.ast("gc", "-y").expectSuccess().stdout
    #expect(done == "Cleaned up after `ast run 1 touch /lost` (t9).\nDeleted: 3 generations.\n")
    try expectSound(store)
  }

  @Test func withoutAYesNothingIsDeleted() throws {
    let store = try store()
    let before = try store.state()
    let result = try store.ast("gc")
    #expect(result.status == 2)
    #expect(result.stderr.lines.last == "     use `-y`")
    #expect(try store.state() == before)
  }

  @Test(arguments: [
    ["--keep", "0"], ["--keep", "-1"], ["--older-than", "30"], ["--older-than", "0d"],
    ["--older-than", "99999999999w"],
    ["--older-than", "d"], ["--min-free", "0"], ["--min-free", "much"], ["--min-free", "9999T"], ["1"],
  ])
  func whatMakesNoSenseIsRefused(arguments: [String]) throws {
    let store = try store(generations: 2)
    let before = try store.state()
    #expect(try store.ast(["gc", "-y"] + arguments).status == 2)
    #expect(try store.state() == before)
  }

  @Test func oldGenerationsGoWhateverTheirNumberAndNeededOnesStay() throws {
    let store = try store()
    #expect(try store.ast("gc", "-y", "--keep", "5", "--older-than", "30d").stdout == "Deleted: 1 generation.\n")
    // The current generation and the one that undo goes back to are the oldest.
    try store.ast("undo", "--to", "2", "1").expectSuccess()
    try store.ast("undo", "--to", "3", "1").expectSuccess()
    try store.age([2, 3, 4], of: 1, days: 31)
    try store.age([5], of: 1, days: 29)
    let result = try store.ast("gc", "-y", "--keep", "100", "--older-than", "30d").expectSuccess()
    #expect(result.stdout == "Deleted: 1 generation.\n")
    #expect(try store.generations(of: 1) == [2, 3, 5, 6])
    #expect(try store.ast("gc", "-y", "--keep", "100", "--older-than", "4w").stdout == "Deleted: 1 generation.\n")
    #expect(try store.generations(of: 1) == [2, 3, 6])
    try expectSound(store)
  }

  @Test func deploymentsBeyondTheNumberKeptGoAndWithThemTheirGenerations() throws {
    let disk = try BootDisk()
    let store = disk.store
    for number in 1...5 {
      try store.ast("deploy", "1").expectSuccess()
      try store.ast("pin", "\(number)").expectSuccess()
      try store.ast("run", "1", "touch", "/\(number)").expectSuccess()
    }
    let listed = try DeploymentListing(store).data
    #expect(listed.map(\.generation) == [6, 5, 4, 3, 2])
    #expect(try store.ast("gc", "-y").expectSuccess().stdout == "")
    #expect(try store.generations(of: 1) == [2, 3, 4, 5, 6, 7])
    // One is pinned, one is the fallback.
    for number in [2, 3, 4, 5] { try store.ast("unpin", "\(number)").expectSuccess() }
    try store.setPrevious(2)
    #expect(try store.ast("gc", "-n", "--json").json["data"]["deployments"] == .array([]))
    let settings = try store.settings("gc.keep-deployments = 2")
    let result = try store.ast("gc", "-y", environment: settings).expectSuccess()
    #expect(result.stdout == "Deleted: 1 generation, 1 deployment.\n")
    #expect(try DeploymentListing(store).data.map(\.deployment) == [5, 4, 2, 1])
    #expect(try store.generations(of: 1) == [2, 3, 5, 6, 7])
    try expectSound(store)
    // Age does not matter for a generation that is needed.
    try store.age([2, 3, 5, 6, 7], of: 1, days: 100)
    #expect(try store.ast("gc", "-y", "--older-than", "1d", "--keep", "1").stdout == "")
  }

  @Test func theMenuIsWrittenBeforeAnythingGoesThatItNames() throws {
    let disk = try BootDisk()
    let store = disk.store
    for number in 1...4 {
      try store.ast("deploy", "1").expectSuccess()
      try store.ast("pin", "\(number)").expectSuccess()
    }
    for number in 1...4 { try store.ast("unpin", "\(number)").expectSuccess() }
    let points = try store.failPoints(of: ["gc", "-y"])
    let menu = try #require(points.lastIndex(of: "menu published"))
    let deleted = try #require(points.firstIndex(of: "doomed subvolume deleted"))
    #expect(menu < deleted)
    #expect(try Set(MenuFiles(of: store).entries) == ["ast-4", "ast-3", "ast-2", "ast-trial-1"])
    try expectSound(store)
  }

  @Test func whereTheMenuCannotBeWrittenGenerationsGoAllTheSame() throws {
    let disk = try BootDisk()
    let store = disk.store
    for number in 1...4 {
      try store.ast("deploy", "1").expectSuccess()
      try store.ast("pin", "\(number)").expectSuccess()
      try store.keepingAll("run", "1", "touch", "/\(number)")
    }
    for number in 1...4 { try store.ast("unpin", "\(number)").expectSuccess() }
    let grub = disk.path(of: "@grub").string
    try runSuccessfully(["btrfs", "property", "set", grub, "ro", "true"])
    let result = try store.ast("gc", "-y")
    #expect(result.status == 6)
    #expect(result.stdout == "Deleted: 1 generation.\n")
    #expect(result.stderr.contains("ast: warning: the boot menu cannot be written: "), "\(result)")
    #expect(try store.generations(of: 1) == [2, 3, 4, 5, 6])
    #expect(try DeploymentListing(store).data.map(\.deployment) == [4, 3, 2, 1])
    try runSuccessfully(["btrfs", "property", "set", grub, "ro", "false"])
    #expect(try store.ast("gc", "-y").expectSuccess().stdout == "Deleted: 1 generation, 1 deployment.\n")
    #expect(try DeploymentListing(store).data.map(\.deployment) == [4, 3, 2])
    #expect(try store.generations(of: 1) == [3, 4, 5, 6])
    try expectSound(store)
  }

  @Test func whatCannotBeDeletedStopsNothingElse() throws {
    let store = try store()
    try store.ast("clone", "0").expectSuccess()
    for number in 1...5 { try store.keepingAll("run", "2", "touch", "/\(number)") }
    let held = store.root.appending("nodes/1")
    try runSuccessfully(["chattr", "+i", held.string])
    let result = try store.ast("gc", "-y")
    try runSuccessfully(["chattr", "-i", held.string])
    #expect(result.status == 6)
    #expect(
      result.stdout.lines == ["Deleted: 6 generations."]
        + (1...3).map { "\(held)/\($0) cannot be deleted; the next command tries again." })
    #expect(result.stderr.lines.count == 3)
    #expect(result.stderr.lines.first == "ast: warning: cannot delete subvolume \(held)/1: Operation not permitted")
    #expect(try store.generations(of: 2) == [4, 5, 6])
    #expect(try store.ast("gc", "-y").expectSuccess().stdout == "")
    try expectSound(store)
  }

  @Test func aNodeThatSomebodyWorksOnIsSkipped() throws {
    let store = try store()
    try store.ast("clone", "0").expectSuccess()
    for number in 1...5 { try store.keepingAll("run", "2", "touch", "/\(number)") }
    let work = try store.start(["run", "1", "sh", "-c", "touch /more; while ! [ -e /tmp/end ]; do sleep 0.1; done"])
    try eventually("the run") { try store.ast("info", "1").stdout.contains("run running") }
    let result = try store.ast("gc", "-y").expectSuccess()
    #expect(result.stdout == "Deleted: 3 generations.\n")
    #expect(
      result.stderr.withoutTransactionOfHolder.hasPrefix("ast: skipped: node 1 is busy: `ast run 1 "), "\(result)")
    #expect(try store.generations(of: 1) == [1, 2, 3, 4, 5, 6])
    #expect(try store.generations(of: 2) == [4, 5, 6])
    #expect(work.isRunning)
    work.send(SIGTERM)
    #expect(try work.wait().status == 128 + SIGTERM)
    #expect(try store.ast("gc", "-y").expectSuccess().stdout == "Deleted: 3 generations.\n")
    try expectSound(store)
  }

  @Test func runsAndCollectionsAtOnceDoNotHurtEachOther() throws {
    let store = try store()
    try store.ast("branch", "1").expectSuccess()
    let loop = "for i in 1 2 3 4 5 6 7 8; do \"$@\" || exit; done"
    let commands = try [
      ["--wait", "run", "1", "sh", "-c", "echo >>/lines"], ["--wait", "run", "2", "sh", "-c", "echo >>/lines"],
      ["gc", "-y", "--keep", "1"], ["gc", "-y", "--wait", "--keep", "1"],
    ].map {
      try StartedCommand(
        ["sh", "-c", loop, "sh", AstBinary.path.string] + $0,
        environment: plainEnvironment.merging(["AST_STORE": store.root.string]) { $1 })
    }
    for command in commands {
      let end = try command.wait()
      #expect(end.status == 0, "\(end)")
    }
    for node in [1, 2] {
      let lines = try String(contentsOfFile: store.content(of: node).appending("lines").string, encoding: .utf8)
      #expect(lines == "\n\n\n\n\n\n\n\n")
    }
    try expectSound(store)
  }

  // MARK: Free space

  private static let piece = Int64(20 << 20)

  /// A file system with a store whose node 1 has a first generation, and seven others with a piece each.
  private func full() throws -> (LoopBtrfs, TestStore) {
    let disk = try LoopBtrfs.small(size: 512 << 20)
    let store = try TestStore(at: try disk.newDirectory())
    try store.ast("clone", "0").expectSuccess()
    for _ in 1...7 {
      try store.keepingAll(
        "run", "1", "sh", "-c", "rm -f /piece; dd if=/dev/urandom of=/piece bs=1M count=\(Self.piece >> 20)")
    }
    try store.ast("tmp").expectSuccess()
    try FileSystem.sync(disk.root)
    return (disk, store)
  }

  @Test func theOldestGoUntilEnoughIsFree() throws {
    let (disk, store) = try full()
    defer { disk.remove() }
    let free = try FileSystem.space(of: disk.root).available
    let wanted = free + 2 * Self.piece + Self.piece / 2
    let planned = try store.ast("gc", "-n", "--keep", "100", "--min-free", "\(wanted)").expectSuccess().stdout.lines
    #expect(planned[1].hasPrefix("Until "))
    #expect(planned[2].hasPrefix("  1 of node 1, "))
    #expect(planned.count == 2 + 6)
    #expect(try store.generations(of: 1) == Array(1...8))
    // The first has no piece.
    let result = try store.ast("gc", "-y", "--keep", "100", "--min-free", "\(wanted)").expectSuccess()
    #expect(result.stdout.hasPrefix("Deleted: 4 generations.\n"), "\(result)")
    #expect(try FileSystem.space(of: disk.root).available >= wanted)
    #expect(try store.generations(of: 1) == Array(5...8))
    #expect(try store.ast("gc", "-y", "--keep", "100", "--min-free", "\(wanted)").expectSuccess().stderr == "")
    #expect(try store.generations(of: 1) == Array(5...8))
    try expectSound(store)
  }

  @Test func whatCannotBeFreedIsTold() throws {
    let (disk, store) = try full()
    defer { disk.remove() }
    let result = try store.ast("gc", "-y", "--min-free", "500M")
    #expect(result.status == 7)
    #expect(result.stdout.lines.first == "Deleted: 6 generations.")
    #expect(
      result.stdout.lines.last?.hasSuffix(" are free, not 500 MiB: nothing else can be deleted.") ?? false, "\(result)")
    #expect(try store.generations(of: 1) == [7, 8])
    let again = try store.ast("gc", "-y", "--min-free", "500M", "--json")
    #expect(again.status == 7)
    #expect(try again.json["data"]["generations"] == .array([]))
    try expectSound(store)
  }

  @Test func aFullDiskGetsRoom() throws {
    let (disk, store) = try full()
    defer { disk.remove() }
    for (name, size) in [("a", "1M"), ("b", "4k"), ("c", "512")] {
      let file = disk.root.appending("ballast-\(name)")
      _ = try run(["dd", "if=/dev/zero", "of=\(file)", "bs=\(size)", "conv=fsync"])
      try FileSystem.sync(disk.root)
    }
    #expect(try store.ast("clone", "1").status == 7)
    let result = try store.ast("gc", "-y", "--keep", "4", "--min-free", "30M")
    #expect(result.status == 0, "\(result)")
    #expect(try store.generations(of: 1) == [5, 6, 7, 8])
    try store.ast("clone", "1").expectSuccess()
    try expectSound(store)
  }

  // MARK: The package cache

  @Test func packagesThatNoIndexHasGo() throws {
    let (old, new) = (DebPackage("tool"), DebPackage("tool", version: "2.0"))
    let node = try PackageNode(in: PackageStore(publishing: [old]))
    let store = node.store
    try node.ast("install", "tool").expectSuccess()
    let other = try PackageNode(in: store, publishing: [DebPackage("other")])
    try other.ast("install", "other").expectSuccess()
    try node.repository.publish([new])
    try node.ast("upgrade").expectSuccess()
    func files() throws -> Int { try store.cached("packages").count }
    #expect(try (files(), store.cached("indices").count) == (3, 2))
    // Recently used files may still be in use.
    #expect(try store.ast("gc", "-y").expectSuccess().stdout == "")
    try store.ageCache(days: 2)
    let planned = try store.ast("gc", "-n", "--json").expectSuccess().json["data"]
    #expect((planned["packageFiles"], planned["indices"]) == (.number(1), .number(0)))
    #expect(try files() == 3)
    #expect(try store.ast("gc", "-y").expectSuccess().stdout.hasPrefix("Deleted: 1 package file ("))
    try store.ast("del", "-y", "\(other.id)").expectSuccess()
    let result = try store.ast("gc", "-y").expectSuccess()
    #expect(result.stdout.hasPrefix("Deleted: 1 package file ("), "\(result)")
    #expect(result.stdout.hasSuffix("), 1 set of package indices.\n"), "\(result)")
    #expect(try (files(), store.cached("indices").count) == (1, 1))
    // The remaining file is the one in the index.
    let sent = node.sent(new)
    try node.clone().ast("install", "tool").expectSuccess()
    #expect(node.sent(new) == sent)
    try store.ageCache(days: 31)
    #expect(try store.ast("gc", "-y").expectSuccess().stdout.hasPrefix("Deleted: 1 package file ("))
    #expect(try files() == 0)
    try node.clone().ast("install", "tool").expectSuccess()
    try expectSound(store)
  }
}

extension GcTests {
  @Test func theCacheGoesBeforeAnyGeneration() throws {
    let node = try PackageNode(in: PackageStore(publishing: [DebPackage("tool")]))
    let store = node.store
    for _ in 1...3 { try store.keepingAll("run", "\(node.id)", "sh", "-c", "echo x >>/x") }
    try node.ast("install", "tool").expectSuccess()
    let generations = try store.generations(of: node.id)
    func cached() throws -> [Int] { try ["packages", "indices"].map { try store.cached($0).count } }
    #expect(try cached() == [1, 1])
    #expect(try store.ast("search", "-N", "\(node.id)", "tool").expectSuccess().stdout.hasPrefix("tool"))
    let planned = try store.ast("gc", "-n", "--cache", "--keep", "100").expectSuccess().stdout.lines
    #expect(planned[..<2] == ["Would be deleted:", "Package cache:"])
    #expect(planned[3..<5] == ["  1 set of package indices", "  the lists that `ast search` reads"])
    #expect(planned.count == 6 && planned[5].hasPrefix("The package cache has "), "\(planned)")
    // What a command works with stays.
    let workspace = store.root.appending("cache/apt/work-test")
    try FileManager.default.createDirectory(atPath: workspace.string, withIntermediateDirectories: true)
    let lock = try #require(try Lock.take("lock", in: workspace, wait: .never))
    #expect(try store.ast("gc", "-y", "--cache", "--keep", "100").expectSuccess().stdout == "")
    #expect(try cached() == [1, 1])
    lock.removeFile()
    let result = try store.ast("gc", "-y", "--cache", "--keep", "100").expectSuccess()
    #expect(result.stdout.hasSuffix(", 1 set of package indices, the lists that `ast search` reads.\n"), "\(result)")
    #expect(try cached() == [0, 0])
    #expect(try store.generations(of: node.id) == generations)
    // All of it comes back.
    #expect(try store.ast("search", "-N", "\(node.id)", "tool").expectSuccess().stdout.hasPrefix("tool"))
    try node.ast("remove", "tool").expectSuccess()
    try store.keepingAll("install", "\(node.id)", "tool")
    #expect(try cached().allSatisfy { $0 > 0 })
    let kept = try store.generations(of: node.id)
    let free = try FileSystem.space(of: store.root).available
    // One byte more than is free: the cache is more than that.
    _ = try store.ast("gc", "-y", "--keep", "100", "--min-free", "\(free + 1)")
    #expect(try cached() == [0, 0])
    #expect(try store.generations(of: node.id) == kept)
    try expectSound(store)
  }

  @Test func theListsOfADeletedNodeGo() throws {
    let node = try PackageNode(in: PackageStore(publishing: [DebPackage("tool")]))
    let store = node.store
    try node.ast("refresh").expectSuccess()
    let lists = store.root.appending("ast/lists/\(node.id)")
    #expect(FileManager.default.fileExists(atPath: lists.string))
    try store.ast("del", "-y", "\(node.id)").expectSuccess()
    #expect(!FileManager.default.fileExists(atPath: lists.string))
    try expectSound(store)
  }
}

extension TestStore {
  /// The numbers of a node's generations, from the existing subvolumes.
  func generations(of node: Int) throws -> [Int] {
    let tree = try TreeDatabase(opening: database, .reading)
    let rows = try tree.generations(of: NodeID(node)).map(\.number.rawValue).sorted()
    let names = try FileManager.default.contentsOfDirectory(atPath: root.appending("nodes/\(node)").string)
    guard names.compactMap(Int.init).sorted() == rows else { throw Errno.noSuchFileOrDirectory }
    return rows
  }

  /// The environment of an `ast` that has these settings and no others.
  func settings(_ text: String) throws -> [String: String] {
    let file = try TestSettings.file()
    try Data(text.utf8).write(to: URL(filePath: file.string))
    return ["AST_CONFIG": file.string]
  }

  /// Runs `ast` without any old generation going.
  func keepingAll(_ arguments: String...) throws {
    try ast(arguments, environment: settings("gc.keep-generations = 100")).expectSuccess()
  }

  /// Makes a deployment the fallback.
  func setPrevious(_ deployment: Int) throws {
    let tree = try TreeDatabase(opening: database, .writing)
    try tree.write { try $0.setPreviousDeployment(DeploymentID(deployment)) }
    try ast("tmp").expectSuccess()
  }

  /// The names of the files in a part of the package cache.
  func cached(_ part: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: root.appending("cache/apt/\(part)").string)
  }

  /// Makes everything in the package cache look as if it was last used this long ago.
  func ageCache(days: Int) throws {
    let parts = ["packages", "indices"].map { root.appending("cache/apt/\($0)").string }
    try runSuccessfully(
      ["find"] + parts + ["-mindepth", "1", "-exec", "touch", "-h", "-d", "\(days) days ago", "{}", "+"])
  }

  /// Makes generations look older than they are.
  func age(_ generations: [Int], of node: Int, days: Int) throws {
    let list = generations.map(String.init).joined(separator: ", ")
    try runSuccessfully([
      "sqlite3", database.string,
      "UPDATE generation SET created = created - \(days) * 86400 WHERE node = \(node) AND number IN (\(list))",
    ])
    try ast("doctor").expectSuccess()
  }
}
