import Btrfs
import FoundationEssentials
import Glibc
import SnapshotTree
import SystemPackage
import TestSupport
import Testing

/// `ast dedupe`, with packages that nodes got separately.
@Suite("Sharing on request", .requiresRoot)
struct DedupeTests {
  private static let size = 108_890
  private static let nothing = "Nothing to do.\n"
  private static let one = "1 file, 106 KiB shared.\n"

  /// Makes the file larger than the kernel shares at once.
  private static let growth = """
    for ((i = 0; i < 8; i++)); do cat /opt/data /opt/data >/opt/new; mv /opt/new /opt/data; done
    """

  /// A store with branches 1 to `count` of the base, each with its own copy of a package: dpkg's database is written first,
  /// so that the run that adds the files has nothing to share.
  private func branches(_ count: Int = 2, at directory: FilePath? = nil) throws -> TestStore {
    let store = try TestStore(at: directory)
    for node in 1...count {
      try store.ast("clone", "0", "branch \(node)").expectSuccess()
      try store.shell(
        node,
        """
        mkdir -p /opt /var/lib/dpkg/info
        printf '\\nPackage: new\\nStatus: install ok installed\\nArchitecture: all\\nVersion: 1\\n' \
        >>/var/lib/dpkg/status
        """)
      try store.shell(
        node,
        """
        for ((i = 0; i < 20000; i++)); do echo $i; done >/opt/data
        echo small >/opt/small
        for file in data small; do
          echo "\(String(repeating: "0123456789abcdef", count: 2))  opt/$file"
        done >/var/lib/dpkg/info/new.md5sums
        """)
    }
    try store.ast("tmp").expectSuccess()
    try FileSystem.sync(store.root)
    return store
  }

  private func expectSound(_ store: TestStore) throws {
    try store.ast("tmp").expectSuccess()
    #expect(try Consistency.problems(of: store) == [])
    #expect(try Consistency.findingsOfDoctor(store) == [])
  }

  @Test(arguments: ["compress=no", "compress-force=zstd"])
  func equalFilesComeToShareTheirSpaceAndStayAsTheyAre(compression: String) throws {
    let disk = try LoopBtrfs.small(size: 512 << 20)
    defer { disk.remove() }
    try disk.remount(compression)
    let store = try branches(3, at: disk.newDirectory())
    let contents = try (1...3).map { try TestStore.checksum(of: store.content(of: $0)) }
    let places = try (1...3).map { try store.place(of: "opt/data", in: store.content(of: $0)) }
    #expect(Set(places).count == 3)
    let (subvolumes, names) = try (store.subvolumes(), store.names())
    let own = try store.exclusive(3)

    let result = try store.ast("dedupe").expectSuccess()
    #expect(result.stdout == "Node 2: \(Self.one)Node 3: \(Self.one)")
    #expect(result.stderr.lines == (1...3).map { "ast: comparing the files of node \($0)" })
    try FileSystem.sync(store.root)
    for node in 1...3 {
      #expect(try store.place(of: "opt/data", in: store.content(of: node)) == places[0])
      #expect(try TestStore.checksum(of: store.content(of: node)) == contents[node - 1])
    }
    #expect(try own - store.exclusive(3) >= (compression == "compress=no" ? Self.size : Self.size / 10))
    // No generation was made, and none was replaced.
    #expect(try store.subvolumes() == subvolumes)
    #expect(try store.names() == names)
    #expect(try store.ast("history", "3", "--json").json["data"]["operations"][0]["kind"] == .text("dedupe"))
    #expect(try store.ast("history", "1", "--json").json["data"]["operations"][0]["kind"] == .text("run"))

    let before = try store.state()
    #expect(try store.ast("dedupe").expectSuccess().stdout == Self.nothing)
    #expect(try store.ast("-q", "dedupe", "2").expectSuccess().stderr == "")
    #expect(try store.state() == before)
    try expectSound(store)
  }

  @Test(arguments: ["compress=no", "compress-force=zstd"])
  func aLargeFileSharesAllOfItsSpaceTheFirstTime(compression: String) throws {
    let disk = try LoopBtrfs.small(size: 512 << 20)
    defer { disk.remove() }
    try disk.remount(compression)
    let store = try branches(at: disk.newDirectory())
    for node in 1...2 { try store.shell(node, Self.growth) }
    #expect(try store.ast("dedupe").expectSuccess().stdout == "Node 2: 1 file, 27 MiB shared.\n")
    #expect(try store.ast("dedupe").expectSuccess().stdout == Self.nothing)
    try FileSystem.sync(store.root)
    #expect(try store.exclusive(2) < Self.size)
  }

  @Test func whatIsInOldGenerationsIsSharedTooAndUndoGoesWhereItWent() throws {
    let store = try branches()
    try store.shell(2, "touch /later")
    #expect(try store.ast("dedupe").stdout == "Node 2: 2 files, 213 KiB shared.\n")
    let first = try store.place(of: "opt/data", in: store.content(of: 1))
    for generation in 3...4 {
      let root = store.root.appending("nodes/2/\(generation)")
      #expect(try store.place(of: "opt/data", in: root) == first)
    }
    #expect(try store.ast("undo", "2").stdout == "Node 2 is at generation 3 again.\n")
    try expectSound(store)
  }

  @Test func onlyTheNodesThatAreNamedShare() throws {
    let store = try branches(3)
    func places() throws -> [String] { try (1...3).map { try store.place(of: "opt/data", in: store.content(of: $0)) } }
    let before = try places()
    #expect(try store.ast("dedupe", "branch 3").stdout == "Node 3: \(Self.one)")
    #expect(try places() == [before[0], before[1], before[0]])
    #expect(try store.ast("dedupe", "1").stdout == "Node 1: \(Self.one)")
    #expect(try places() == [before[1], before[1], before[0]])
    #expect(try store.ast("dedupe", "3", "2", "2").stdout == "Node 3: \(Self.one)")
    #expect(try Set(places()) == [before[1]])
    try expectSound(store)
  }

  @Test func filesThatDifferAreLeftAlone() throws {
    let store = try branches()
    let script = "for ((i = 0; i < 20000; i++)); do echo $((99999 - i)); done | head -c \(Self.size) >/opt/data"
    try store.shell(2, script)
    let content = try TestStore.checksum(of: store.content(of: 2))
    // The previous generation has the identical file.
    #expect(try store.ast("dedupe").stdout == "Node 2: \(Self.one)")
    #expect(try TestStore.checksum(of: store.content(of: 2)) == content)
    #expect(try store.ast("dedupe").stdout == Self.nothing)
    try expectSound(store)
  }

  @Test(
    arguments: [(["7"], 3), (["1", "7"], 3), (["nothing so called"], 3), (["0"], 5), (["1", "0"], 5), (["-n"], 2)])
  func whatCannotBeMeantIsRefused(arguments: [String], status: Int) throws {
    let store = try branches()
    let before = try store.state()
    let result = try store.ast(["dedupe"] + arguments)
    #expect(result.status == Int32(status), "\(result)")
    #expect(try store.state() == before)
    #expect(try store.ast("dedupe").stdout == "Node 2: \(Self.one)")
  }

  @Test func aNodeThatSomebodyWorksOnIsBusyAndStopsNoOther() throws {
    let store = try branches(3)
    let work = try store.start(["run", "2", "sh", "-c", "touch /more; while ! [ -e /tmp/end ]; do sleep 0.1; done"])
    try eventually("the run") { try store.ast("info", "2").stdout.contains("run running") }
    let alone = try store.ast("dedupe", "2")
    #expect(alone.status == 4)
    #expect(alone.stderr.withoutTransactionOfHolder.contains("ast: node 2 is busy: `ast run 2 "), "\(alone)")
    let all = try store.ast("dedupe")
    #expect(all.status == 6)
    #expect(all.stdout == "Node 3: \(Self.one)")
    #expect(all.stderr.contains("ast: warning: node 2 is busy: "), "\(all)")
    work.send(SIGTERM)
    _ = try work.wait()
    #expect(try store.ast("dedupe").stdout == "Node 2: \(Self.one)")
    try expectSound(store)
  }

  @Test func aNodeThatFailsStopsNoOther() throws {
    let store = try branches(3)
    let content = try store.content(of: 2)
    try Subvolume(at: content).delete()
    let all = try store.ast("dedupe", "--json")
    #expect(all.status == 6)
    let nodes = try all.json["data"]["nodes"]
    #expect(nodes.each("result") == ["unchanged", "failed", "shared"].map { .text($0) })
    #expect(nodes.each("files") == [0, 0, 1].map { .number($0) })
    #expect(nodes[2]["bytes"] == .number(Double(Self.size)))
    #expect(nodes[2]["error"] == .null)
    #expect(
      nodes[1]["error"] == .text("generation 3 of node 2 is missing: there is no subvolume \(content)"), "\(nodes)")
    #expect(try store.ast("dedupe", "2").status == 1)
  }

  @Test func aFileThatCannotBeSharedIsTold() throws {
    let store = try branches()
    let file = try store.content(of: 1).appending("var/lib/dpkg/info/new.md5sums")
    try Subvolume(at: store.content(of: 1)).setReadOnly(false)
    try runSuccessfully(["truncate", "-s", "300M", file.string])
    let result = try store.ast("dedupe").expectSuccess()
    #expect(result.stdout == Self.nothing)
    let warning = "ast: warning: 2 files of node 2 take more space than they need: cannot read the checksums of new in "
    #expect(result.stderr.contains(warning), "\(result)")
  }

  /// The kernel does not share files of a subvolume that it sends, nor send one whose files it shares.
  @Test func whoeverReadsAGenerationIsWaitedFor() throws {
    let store = try branches()
    let reader = try StartedCommand(
      ["sh", "-c", "btrfs -q send \"$1\" | { sleep 2; cat >/dev/null; }", "sh", store.content(of: 2).string])
    usleep(500_000)
    #expect(try store.ast("dedupe").expectSuccess().stdout == "Node 2: \(Self.one)")
    #expect(try reader.wait().status == 0)
  }

  @Test func whoComparesNodesMeanwhileIsNotDisturbed() throws {
    let store = try branches()
    try store.shell(1, Self.growth)
    try store.ast("branch", "2").expectSuccess()
    try store.shell(2, Self.growth)
    try store.shell(3, Self.growth)
    try store.shell(3, "touch /more")
    let wanted = try store.ast("diff", "--files", "2", "3").expectSuccess().stdout
    for _ in 1...4 {
      for node in 2...3 { try store.shell(node, "cat /opt/data >/opt/other; mv /opt/other /opt/data") }
      let work = try store.start(["dedupe"])
      while work.isRunning { #expect(try store.ast("diff", "--files", "2", "3").expectSuccess().stdout == wanted) }
      #expect(try work.wait().status == 0)
    }
    try expectSound(store)
  }

  @Test func anInterruptionEndsItWithEveryFileAsItWas() throws {
    let store = try branches(3)
    let contents = try (1...3).map { try TestStore.checksum(of: store.content(of: $0)) }
    for delay: UInt32 in stride(from: 0, to: 60_000, by: 4000) {
      let end = try store.interrupt(["dedupe"], by: SIGTERM, after: delay)
      #expect([0, 128 + SIGTERM].contains(end.status) || end.signal == SIGTERM, "\(end)")
      #expect(try (1...3).map { try TestStore.checksum(of: store.content(of: $0)) } == contents)
    }
    try store.ast("dedupe").expectSuccess()
    #expect(try store.ast("dedupe").stdout == Self.nothing)
    try expectSound(store)
  }

  @Test func whatDeploymentsHaveIsTold() throws {
    let disk = try BootDisk()
    let store = disk.store
    let line = "The space in deployments is freed when they are deleted."
    try store.ast("clone", "1").expectSuccess()
    let script = """
      mkdir -p /opt /var/lib/dpkg/info; for ((i = 0; i < 20000; i++)); do echo $i; done >/opt/data
      echo "\(String(repeating: "0123456789abcdef", count: 2))  opt/data" >/var/lib/dpkg/info/new.md5sums
      """
    let entry = "printf '\\nPackage: new\\nStatus: install ok installed\\nArchitecture: all\\nVersion: 1\\n'"
    for node in 1...2 {
      try store.shell(node, "mkdir -p /var/lib/dpkg; \(entry) >>/var/lib/dpkg/status")
      try store.shell(node, script)
    }
    try store.ast("deploy", "2").expectSuccess()
    let running = store.root.appending("deploy/1/root")
    let place = try store.place(of: "opt/data", in: running)
    #expect(try store.ast("dedupe").stdout == "Node 2: \(Self.one)\(line)\n")
    #expect(try store.place(of: "opt/data", in: running) == place)
    try expectSound(store)
  }
}

extension TestStore {
  /// Runs a script in a node.
  fileprivate func shell(_ node: Int, _ script: String) throws {
    try ast("run", "\(node)", "bash", "-euc", script).expectSuccess()
  }

  /// The place of a file on the disk, from filefrag(8).
  fileprivate func place(of file: String, in root: FilePath) throws -> String {
    let lines = try runSuccessfully(["filefrag", "-s", "-v", root.appending(file).string]).split(separator: "\n")
    // "   0:        0..     314:       3392..      3706:    315:             last,shared,eof"
    return lines.filter { $0.contains("..") }.map { line in
      line.split(separator: ":").dropFirst().prefix(2).joined(separator: ":")
    }.joined(separator: "\n")
  }

  /// The bytes that only the content of a node refers to.
  fileprivate func exclusive(_ node: Int) throws -> Int {
    Int(try Subvolume(at: content(of: node)).usage().exclusive)
  }
}
