import Btrfs
import Etc
import SystemPackage
import TestSupport
import Testing

@testable import Rootfs

@Suite("The /etc and /var of a real Debian", .requiresRoot)
struct DebianTreesTests {
  let directory: FilePath
  let root: FilePath

  init() throws {
    directory = try LoopBtrfs.shared.newDirectory()
    root = directory.appending("root")
    try Subvolume.create(at: root)
    try runSuccessfully(["tar", "-C", root.string, "-xf", DebianRoot.archive(of: DebianRoot.suite).string])
  }

  @Test func whatNobodyChangedNeedsNothing() throws {
    let live = directory.appending("live")
    try Subvolume(at: root).snapshot(to: live, readOnly: false)
    let merge = try MergeEtc(from: EtcSource(root: live, pristine: root), generation: root)
    #expect(merge.isEmpty)
    #expect(merge.report.sentences == [])
  }

  @Test func theWholeOfVarIsAddedToAnEmptyOne() throws {
    var state = RelocatePackageState(in: root)
    try state.run()
    let shared = directory.appending("shared")
    try Subvolume.create(at: shared)
    let seeded = try SeedVar(from: root, into: shared).run()
    #expect(seeded.obstacles.isEmpty)
    let differences = try run(["diff", "-r", "--no-dereference", root.appending("var").string, shared.string])
    let lines = differences.stdout.split(separator: "\n").map { $0.replacing("\(directory)/", with: "") }
    #expect(
      lines == ["Only in root/var/cache/apt/archives: lock", "Only in root/var/lib/apt/lists: lock"])
    #expect(try SeedVar(from: root, into: shared).run().added == [])
  }
}
