import Glibc
import SystemPackage
import TestSupport
import Testing

/// Cuts the power at every flush while commands run, and accepts only the old or the new state.
///
/// The commands here are plain btrfs: versions of a tree, each a snapshot of the one before, and a file that names the
/// current one. They prove that the harness finds such faults; a program's own protocol goes through
/// ``scenario(_:size:limit:environment:prepare:commands:check:sourceLocation:)`` in the same manner.
@Suite(.serialized, .requiresLoggedDisk) struct PowerCutTests {
  @Test("a published version is durable and complete", arguments: [Versions.syncThenRename, .renameThenSync])
  func publishedVersionsAreDurableAndComplete(_ versions: Versions) throws {
    try scenario(
      versions.name, prepare: versions.prepare, commands: versions.commands, check: versions.problems)
  }

  @Test func versionsThatAreNeverSyncedAreMissed() throws {
    for report in try Versions.neverSynced.scenario.reports() {
      print(report)
      #expect(report.problems.contains { $0.contains("is current, not") }, "\(report)")
    }
  }

  @Test func aDurablePointerToAVersionThatIsNotSyncedIsCaught() throws {
    for report in try Versions.pointerOnly.scenario.reports() {
      print(report)
      #expect(report.problems.contains { $0.contains("is incomplete") }, "\(report)")
    }
  }

  @Test func aDiskThatLosesFlushedWritesIsNoticed() throws {
    for report in try Versions.syncThenRename.scenario.reports([.lying]) {
      print(report)
      #expect(!report.problems.isEmpty, "\(report)")
    }
  }

  @Test func theLogAccountsForEveryByteOnTheDisk() throws {
    let scratch = try ScratchDirectory(for: 2 << 30)
    defer { scratch.remove() }
    let recording = try Recording(of: Versions.syncThenRename.scenario, in: scratch)
    let end = CrashPoint(
      entry: recording.log.entries.count, settled: Array(recording.log.entries.indices), survivors: [], returned: 0)
    #expect(try CrashStates(of: recording, in: scratch).disk(at: end).difference(from: recording.after) == nil)
  }

  @Test func whatAKilledProcessLeftIsClearedAway() throws {
    let abandoned = try Self.abandonedMountPoint()
    #expect(try Self.mountPoints().contains(abandoned.string))
    try ScratchDirectory(for: 0).remove()
    #expect(try !Self.mountPoints().contains { $0.hasPrefix(abandoned.removingLastComponent().string) })
    #expect(access(abandoned.removingLastComponent().string, F_OK) != 0)
  }

  /// A logged disk in use whose directory is not locked any more.
  private static func abandonedMountPoint() throws -> FilePath {
    let scratch = try ScratchDirectory(for: 1 << 30)
    let image = try ImageFile(at: scratch.file("image"), size: 256 << 20)
    try runSuccessfully(["mkfs.btrfs", "-q", image.path.string])
    _ = try LoggedDisk(image: image, log: ImageFile(at: scratch.file("log")), in: scratch)
    return scratch.mountPoint
  }

  private static func mountPoints() throws -> [String] {
    try runSuccessfully(["findmnt", "--raw", "--noheadings", "--output", "TARGET"])
      .split(separator: "\n").map(String.init)
  }

  @Test func aFailingCommandEndsTheScenarioAndLeavesNothingBehind() throws {
    let scenario = Scenario(
      name: "failing command", commands: { [["touch", "\($0)/a"], ["false"]] }, check: { _ in [] })
    #expect(throws: CommandFailure.self) { try scenario.reports() }
    #expect(try !Self.mountPoints().contains { $0.contains(ScratchDirectory.prefix) })
  }
}
