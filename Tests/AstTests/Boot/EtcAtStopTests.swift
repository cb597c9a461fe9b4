import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// What happens to /etc besides the start of a deployment: when the machine stops, and after a rollback.
@Suite("Etc at stop, and after a rollback", .requiresRoot)
struct EtcAtStopTests {
  private let disk: BootDisk
  private var store: TestStore { disk.store }

  /// Deployment 1 is good and ran last; deployment 2 was made while it ran.
  init() throws {
    disk = try BootDisk()
    try store.ast(
      "run", "1", "sh", "-ec", "cd /etc; echo root:x:0:0:root:/root:/bin/sh >passwd; echo a >edited; echo a >gone"
    )
    .expectSuccess()
    try store.ast("deploy", "1").expectSuccess()
    try disk.start(1)
    try disk.markGood(1)
    try store.ast("deploy", "1").expectSuccess()
  }

  @Test func whatWasChangedIsThereBeforeTheRestart() throws {
    let script = "echo b >/etc/edited; rm /etc/gone; echo new >/etc/new; ast boot-stop"
    try store.inside(disk.root(of: 1), script).expectSuccess()
    #expect(try disk.read("edited", of: 2) == "b\n")
    #expect(try disk.read("new", of: 2) == "new\n")
    #expect(!FileManager.default.fileExists(atPath: "\(disk.etc(of: 2))/gone"))
    #expect(!FileManager.default.fileExists(atPath: "\(disk.root(of: 2))/etc.new"))
    #expect(try disk.ran == "ran=1\n")
    #expect(try disk.bases == ["2.2"])
    // After a soft reboot, the old one runs on.
    try store.inside(disk.root(of: 1), "echo c >/etc/edited; ast boot-stop").expectSuccess()
    #expect(try disk.read("edited", of: 2) == "c\n")
    let made = try disk.contents(of: 2)
    #expect(try disk.start(2) == StartResult(status: 0))
    #expect(try disk.contents(of: 2) == made)
    #expect(try Consistency.problems(of: store) == [])
  }

  @Test func aGoodDeploymentIsLeftAlone() throws {
    try disk.markGood(2)
    let before = try TestStore.checksum(of: disk.root(of: 2))
    try store.inside(disk.root(of: 1), "echo b >/etc/edited; ast boot-stop").expectSuccess()
    #expect(try TestStore.checksum(of: disk.root(of: 2)) == before)
    #expect(try disk.ran == "ran=1\n")
  }

  /// The /etc of a trial is in memory: what is changed after the deployment was made comes along when the trial ends.
  @Test func changesOfATrialComeAlongToTheDeploymentMadeInIt() throws {
    let script = """
      echo trial >/etc/edited
      mkdir -p /run/ast/trial/2; cp -a /etc /run/ast/trial/2/; echo late >/etc/late; ast boot-stop
      """
    let edited = try disk.read("edited", of: 2)
    try store.inside(store.content(of: 1), onTrial: true, script).expectSuccess()
    #expect(try disk.read("late", of: 2) == "late\n")
    // That came along when it was made, or not: the copy is what it was made from.
    #expect(try disk.read("edited", of: 2) == edited)
    #expect(try disk.ran == "ran=1\n")
    try runSuccessfully(["sh", "-c", "echo one >$0/one", disk.etc(of: 1).string])
    #expect(try disk.start(2) == StartResult(status: 0))
    #expect(try disk.read("late", of: 2) + disk.read("one", of: 2) == "late\none\n")
  }

  @Test func aTrialWithoutADeploymentOfItsOwnChangesNothing() throws {
    let before = try TestStore.checksum(of: disk.root(of: 2))
    try store.inside(store.content(of: 1), onTrial: true, "echo t >/etc/edited; ast boot-stop").expectSuccess()
    #expect(try TestStore.checksum(of: disk.root(of: 2)) == before)
  }

  /// After a rollback: the changes in the deployment that ran before are counted, shown and taken.
  @Test func whatARollbackLeavesBehindIsToldAndTaken() throws {
    try disk.start(2)
    try disk.markGood(2)
    try runSuccessfully([
      "sh", "-ec", "cd $0; echo b >edited; rm gone; echo new >new; echo x >>passwd-", disk.etc(of: 2).string,
    ])
    try disk.start(1)
    let script = """
      mkdir -p /run/ast; cat >/run/ast/start.json <<end
      {"deployment":1,"from":"2","sentences":[],"isChanged":true,"isWhole":false}
      end
      ast boot-complete; cat /run/motd.d/ast; ast status
      """
    let notice = """
      3 changes in the /etc of deployment 2, which ran before, did not come along: \
      `ast etc-diff d2` shows them, `ast etc-update --from d2` takes them
      """
    let output = try store.inside(disk.root(of: 1), script).expectSuccess().stdout.lines
    #expect(
      output.prefix(2) + output.filter { $0.hasPrefix("/etc") } == [
        "deployment 1 of node 1 came up", "\(notice).", "/etc:      \(notice)",
      ])
    #expect(
      try store.ast("etc-diff", "d2").expectSuccess().stdout
        == "M /etc/edited (content)\nD /etc/gone\nA /etc/new\nA /etc/passwd- (the machine's own)\n")
    #expect(
      try store.ast("etc-update", "--from", "d2").expectSuccess().stdout
        == "Node 1: changes in /etc of deployment 2 kept as generation 4.\n")
    let etc = try store.content(of: 1).appending("etc")
    #expect(try String(contentsOfFile: "\(etc)/edited", encoding: .utf8) == "b\n")
    #expect(!FileManager.default.fileExists(atPath: "\(etc)/gone"))
    #expect(
      try store.ast("etc-update", "--from", "d2").expectSuccess().stdout
        == "Node 1: all changes in /etc of deployment 2 are in it already; nothing was changed.\n")
    let missing = try store.ast("etc-update", "--from", "d9")
    #expect(missing.status == 3 && missing.stderr.contains("there is no deployment 9"), "\(missing)")
  }
}
