import SystemPackage
import TestSupport
import Testing

@Suite("Full disk", .requiresRoot)
struct DiskFullTests {
  /// A store on a separate file system: node 1 has space that only it uses, 2 is below it, and 3 has two generations.
  private func store(on disk: LoopBtrfs) throws -> TestStore {
    // The kernel frees the space of deleted subvolumes after a commit, by default every 30 seconds.
    try disk.remount("commit=1")
    let store = try TestStore(at: try disk.newDirectory())
    for arguments in [["clone", "0"], ["branch", "1"], ["clone", "0"]] { try store.ast(arguments).expectSuccess() }
    try store.ast("run", "1", "dd", "if=/dev/urandom", "of=/root/own", "bs=1M", "count=8").expectSuccess()
    try store.ast("undo", "1").expectSuccess()
    try store.ast("undo", "1").expectSuccess()
    try store.ast("run", "3", "touch", "/root/own").expectSuccess()
    return store
  }

  /// Fills the file system, to the last block, with a file beside the store.
  private func fill(_ disk: LoopBtrfs) throws {
    for (name, size) in [("a", "1M"), ("b", "4k"), ("c", "512")] {
      let file = disk.root.appending("ballast-\(name)")
      _ = try run(["dd", "if=/dev/zero", "of=\(file)", "bs=\(size)", "conv=fsync"])
      try runSuccessfully(["sync", "--file-system", disk.root.string])
    }
  }

  @Test func aProgramThatFillsTheDiskChangesNothing() throws {
    let disk = try LoopBtrfs.small()
    defer { disk.remove() }
    let store = try store(on: disk)
    let before = try (store.subvolumes(), store.ast("tree", "--json").json["data"])
    for verb in ["run", "tree-run"] {
      let result = try store.ast(verb, "3", "dd", "if=/dev/zero", "of=/root/big", "bs=1M")
      #expect(result.status == (verb == "run" ? 7 : 6))
      #expect(
        result.stderr.contains(
          "no space left on the store's file system: the command failed with exit status 1; nothing was changed\n"),
        "\(result.stderr)")
      #expect(try store.subvolumes() == before.0)
      #expect(try store.ast("tree", "--json").json["data"] == before.1)
      #expect(try store.ast("status", "--json").json["data"]["running"] == .array([]))
    }
    // If a program hides its failure, its incomplete output is kept; after an undo there is space again.
    try store.ast("run", "3", "sh", "-c", "echo >>/root/small").expectSuccess()
    try store.ast("branch", "3").expectSuccess()
    try store.ast("doctor").expectSuccess()
  }

  @Test func onAFullDiskChangesAreRefusedAndADeletionMakesRoom() throws {
    let disk = try LoopBtrfs.small()
    defer { disk.remove() }
    let store = try store(on: disk)
    try fill(disk)
    let before = try store.state()
    let content = try TestStore.checksum(of: store.content(of: 3))
    for verb in [
      ["new"], ["clone", "1"], ["branch", "1"], ["cbranch", "1"], ["ubranch", "1", "3"], ["clone-tree", "1"],
      ["desc", "3", "x"], ["undo", "3"], ["run", "3", "touch", "/x"], ["tree-run", "3", "touch", "/x"],
      ["chroot", "3"], ["edit-conf", "3"],
    ] {
      let result = try store.ast(verb, environment: ["EDITOR": "touch"])
      #expect(result.status == 7, "\(verb): \(result)")
      #expect(result.stdout.isEmpty)
      let lines = result.stderr.lines
      #expect(lines.count == 2, "\(verb): \(lines)")
      #expect(lines[0].hasPrefix("ast: no space left on the store's file system: "), "\(verb): \(lines)")
      #expect(lines[0].hasSuffix("; nothing was changed"), "\(verb): \(lines)")
      #expect(lines.last == "     \(Self.hint)", "\(verb)")
    }
    #expect(try store.state() == before)
    for verb in [["tree"], ["tree", "--long"], ["status"], ["info", "3"], ["history"]] {
      try store.ast(verb).expectSuccess()
      try store.astAsNobody(verb).expectSuccess()
    }
    #expect(try store.ast("del", "--yes", "1").expectSuccess().stdout == "Node 1 with 1 below it deleted.\n")
    #expect(try !store.subvolumes().contains("nodes/1/"))
    // The space of a deleted subvolume is freed gradually.
    try runSuccessfully(["btrfs", "subvolume", "sync", disk.root.string])
    try runSuccessfully(["sync", "--file-system", disk.root.string])
    try store.ast("run", "3", "sh", "-c", "dd if=/dev/urandom of=/root/new bs=1M count=6").expectSuccess()
    try store.ast("clone", "3").expectSuccess()
    #expect(try TestStore.checksum(of: store.root.appending("nodes/3/2")) == content)
    #expect(try store.ast("doctor").expectSuccess().stdout == "")
  }

  @Test func theRoomForADeletionIsTakenAgain() throws {
    let disk = try LoopBtrfs.small()
    defer { disk.remove() }
    let store = try store(on: disk)
    let reserve = store.root.appending("ast/reserve")
    for node in ["2", "1"] {
      try runSuccessfully(["test", "-e", reserve.string])
      try fill(disk)
      #expect(try store.ast("clone", "0").status == 7)
      try store.ast("del", "--yes", node).expectSuccess()
      #expect(try run(["test", "-e", reserve.string]).status == 1)
      try runSuccessfully(["sh", "-c", "rm \"$1\"/ballast-*; sync --file-system \"$1\"", "sh", disk.root.string])
      try store.ast("desc", "3", "room").expectSuccess()
    }
    try runSuccessfully(["test", "-e", reserve.string])
    try store.ast("doctor").expectSuccess()
  }

  @Test func deployOnAFullDiskChangesNothing() throws {
    let disk = try BootDisk(size: 256 << 20)
    let store = disk.store
    try store.ast("deploy", "1").expectSuccess()
    try store.ast("run", "1", "sh", "-c", "head -c 300000 /dev/urandom >/etc/large; echo >/var/lib/new").expectSuccess()
    try store.ast("tmp").expectSuccess()
    try runSuccessfully(["sh", "-c", "head -c 300000 /dev/urandom >$0", disk.root(of: 1).appending("etc/own").string])
    let before = try (StoreContents(store), store.subvolumes())
    // The more space is left, the later it fails: at the first row, at the merge of /etc, at the menu.
    var hasSucceeded = false
    for left in [0, 64, 256, 512, 1024, 2048, 4096, 8192] where !hasSucceeded {
      try disk.fill(leaving: left << 10)
      let result = try store.ast("deploy", "1")
      hasSucceeded = result.status == 0
      if !hasSucceeded {
        #expect(result.status == 7, "\(left) KiB left: \(result)")
        let told = result.stderr.lines.suffix(2)
        #expect(told.first?.hasPrefix("ast: no space left on the store's file system: ") ?? false, "\(result)")
        #expect(told.first?.hasSuffix("; nothing was changed") ?? false, "\(result)")
        #expect(told.last == "     \(Self.hint)")
      }
      try disk.empty()
      try store.ast("tmp").expectSuccess()
      #expect(try Consistency.problems(of: store) + Consistency.findingsOfDoctor(store) == [], "\(left) KiB left")
      if !hasSucceeded { #expect(try (StoreContents(store), store.subvolumes()) == before, "\(left) KiB left") }
    }
    #expect(hasSucceeded)
    #expect(try MenuFiles(of: store).standard == "ast-2")
  }

  /// The way back to a system that works must not depend on free space.
  @Test func rollbackOnAFullDiskWorks() throws {
    let disk = try BootDisk(size: 256 << 20)
    let store = disk.store
    for _ in 1...2 { try store.ast("deploy", "1").expectSuccess() }
    try store.ast("tmp").expectSuccess()
    try disk.fill(leaving: 0)
    #expect(try store.ast("desc", "1", "full").status == 7)
    try store.ast("rollback", "--to", "1").expectSuccess()
    #expect(try MenuFiles(of: store).standard == "ast-1")
    try disk.empty()
    try store.ast("tmp").expectSuccess()
    #expect(try Consistency.problems(of: store) + Consistency.findingsOfDoctor(store) == [])
  }

  private static let hint = "free space with `ast gc` or `ast del`, then run the command again"

  @Test func whereOnlyMetadataHasRunOutADeletionMakesRoomToo() throws {
    // Small files are in the metadata: while there is space for data, only the names do not fit any more.
    let disk = try LoopBtrfs.small(size: 160 << 20, mkfsOptions: ["--metadata", "single"])
    defer { disk.remove() }
    let store = try store(on: disk)
    try store.ast("clone", "0").expectSuccess()
    let script = """
      head -c 1900 /dev/zero >"$1"; n=0
      while cp "$1" "$1.$n" 2>/dev/null; do n=$((n + 1)); done
      """
    let tiny = disk.root.appending("tiny")
    try runSuccessfully(["mkdir", tiny.string])
    try fill(disk)
    try runSuccessfully(["sh", "-c", script, "sh", tiny.appending("f").string])
    let before = try store.subvolumes()
    for verb in [["clone", "1"], ["run", "3", "touch", "/x"]] {
      let result = try store.ast(verb)
      #expect(result.status == 7, "\(verb): \(result)")
    }
    #expect(try store.subvolumes() == before)
    try store.ast("del", "--yes", "1").expectSuccess()
    try store.ast("doctor").expectSuccess()
    #expect(try store.ast("tree").stdout.lines.count == 4)
  }
}
