import Etc
import SystemPackage
import Testing

@Suite struct EtcChangeTests {
  /// A file before and after, and what is said to differ.
  @Test(
    arguments: [
      ("a", "a", []), ("a", "b", [.content]), ("a", .init("a", 0o600), [.mode]), ("a", .init("a", owner: 7), [.owner]),
      ("a", .init("a", xattrs: ["user.x": [1]]), [.attributes]), ("a", .init("a", protection: 0x10), [.attributes]),
      ("a", .init("a", xattrs: ["system.posix_acl_access": [1]]), [.mode]),
      ("a", .init("b", 0o600, owner: 7, xattrs: ["user.x": [1]]), [.content, .mode, .owner, .attributes]),
      ("a", .link("a"), [.type]), (.link("a"), .link("b"), [.target]), (.fifo, "a", [.type]),
      ("a", .directory(), [.type]),
      (.directory(), .directory(0o700), [.mode]),
    ] as [(TestFile, TestFile, [EtcChange.Difference])])
  func whatDiffersIsNamed(before: TestFile, after: TestFile, differences: [EtcChange.Difference]) {
    let changes = EtcChange.changes(from: etc(["d/f": before]), to: etc(["d/f": after]))
    #expect(changes == (differences.isEmpty ? [] : [EtcChange(.changed, "d/f", differences)]))
  }

  @Test func allThatCameOrWentIsNamed() {
    let changes = EtcChange.changes(
      from: etc(["gone/a/b": "x", "same": "x", "turned/f": "x"]), to: etc(["new/a/b": "x", "same": "x", "turned": "x"]))
    #expect(
      changes == [
        EtcChange(.removed, "gone"), EtcChange(.removed, "gone/a"), EtcChange(.removed, "gone/a/b"),
        EtcChange(.added, "new"), EtcChange(.added, "new/a"), EtcChange(.added, "new/a/b"),
        EtcChange(.changed, "turned", [.type]), EtcChange(.removed, "turned/f"),
      ])
  }

  @Test func theDirectoryItselfCounts() {
    var after = etc(["f": "x"])
    after.attributes.mode = 0o700
    #expect(EtcChange.changes(from: etc(["f": "x"]), to: after) == [EtcChange(.changed, "", [.mode])])
  }

  /// What a deployment has for itself is not a change of the machine.
  @Test func notesOfTheDeploymentAreLeftOut() {
    let before = etc(["ld.so.cache": "a", "f": "a"])
    let after = etc(["ld.so.cache": "b", "f": "b", ".updated": "x", ".ast": .directory(), ".ast/seed": ""])
    #expect(EtcChange.changes(from: before, to: after) == [EtcChange(.changed, "f", [.content])])
  }

  @Test func theMachinesOwnIsKnown() {
    let own = ["machine-id", "ssh/ssh_host_rsa_key", "hostname"].map { EtcChange(.added, FilePath($0)).isMachinesOwn }
    #expect(own == [true, true, true])
    #expect(!EtcChange(.added, "ssh/sshd_config").isMachinesOwn && !EtcChange(.added, "ld.so.cache").isMachinesOwn)
  }
}
