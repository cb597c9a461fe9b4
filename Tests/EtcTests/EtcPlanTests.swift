import Etc
import SystemPackage
import Testing

/// One situation: three trees, what comes of them, and what is said of the path that matters.
struct Situation: Sendable, CustomTestStringConvertible {
  let testDescription: String
  var pristine: Tree = [:]
  var live: Tree = [:]
  var new: Tree = [:]
  var result: Tree = [:]
  let path: FilePath
  let verdict: EtcDecision.Verdict
  let reason: EtcDecision.Reason

  init(
    _ name: String, _ pristine: Tree, _ live: Tree, _ new: Tree, _ result: Tree, at path: FilePath = "f",
    _ verdict: EtcDecision.Verdict, _ reason: EtcDecision.Reason
  ) {
    testDescription = name
    self.pristine = pristine
    self.live = live
    self.new = new
    self.result = result
    self.path = path
    self.verdict = verdict
    self.reason = reason
  }
}

private let list = "system.posix_acl_access"
private let aside: FilePath = "f.ast.dpkg-dist"

private let contents: [Situation] = [
  .init("untouched", ["f": "a"], ["f": "a"], ["f": "a"], ["f": "a"], .keep, .untouched),
  .init("changed by the generation", ["f": "a"], ["f": "a"], ["f": "b"], ["f": "b"], .keep, .changedByGeneration),
  .init("changed here", ["f": "a"], ["f": "b"], ["f": "a"], ["f": "b"], .take, .changedHere),
  .init("same change", ["f": "a"], ["f": "b"], ["f": "b"], ["f": "b"], .keep, .sameChange),
  .init(
    "different changes", ["f": "a"], ["f": "b"], ["f": "c"], ["f": "b", aside: "c"], .conflict, .changedOnBoth),
  .init("added by the generation", [:], [:], ["f": "a"], ["f": "a"], .keep, .changedByGeneration),
  .init("added here", [:], ["f": "a"], [:], ["f": "a"], .take, .changedHere),
  .init("same added", [:], ["f": "a"], ["f": "a"], ["f": "a"], .keep, .sameChange),
  .init("different ones added", [:], ["f": "a"], ["f": "b"], ["f": "a", aside: "b"], .conflict, .changedOnBoth),
  .init("removed by the generation", ["f": "a"], ["f": "a"], [:], [:], .keep, .changedByGeneration),
  .init("removed here", ["f": "a"], [:], ["f": "a"], [:], .remove, .changedHere),
  .init("removed on both", ["f": "a"], [:], [:], [:], .keep, .sameChange),
  .init(
    "removed here, changed by the generation", ["f": "a"], [:], ["f": "b"], [aside: "b"], .conflict,
    .removedHereChangedByGeneration),
  .init(
    "changed here, removed by the generation", ["f": "a"], ["f": "b"], [:], ["f": "b"], .conflict,
    .changedHereRemovedByGeneration),
  .init("FIFO", [:], ["f": .fifo], [:], ["f": .fifo], .take, .changedHere),
  .init(
    "new version of an older conflict", ["f": "b"], ["f": "a", aside: "b"], ["f": "c"], ["f": "a", aside: "c"],
    .conflict, .changedOnBoth),
  .init(
    "new version of an older conflict that was about a directory", ["f": "b"], ["f": "a", aside.appending("g"): "b"],
    ["f": "c"], ["f": "a", aside: "c"], .conflict, .changedOnBoth),
  .init(
    "older conflict, settled", ["f": "b"], ["f": "a", aside: "b"], ["f": "b"], ["f": "a", aside: "b"], .take,
    .changedHere),
]

private let attributes: [Situation] = [
  .init(
    "mode here, content by the generation", ["f": "a"], ["f": .init("a", 0o600)], ["f": "b"], ["f": .init("b", 0o600)],
    .merge, .differentParts),
  .init(
    "content here, narrower mode by the generation", ["f": "a"], ["f": "b"], ["f": .init("a", 0o640)],
    ["f": .init("b", 0o640)], .merge, .differentParts),
  .init(
    "content here, wider mode by the generation", ["f": .init("a", 0o600)], ["f": .init("b", 0o600)], ["f": "a"],
    ["f": .init("b", 0o600)], .take, .changedHere),
  .init(
    "wider mode by the generation", ["f": .init("a", 0o600)], ["f": .init("a", 0o600)], ["f": "a"], ["f": "a"], .keep,
    .changedByGeneration),
  .init(
    "mode here, owner by the generation", ["f": "a"], ["f": .init("a", 0o600)], ["f": .init("a", owner: 7)],
    ["f": .init("a", 0o600, owner: 7)], .merge, .differentParts),
  .init(
    "modes on both", ["f": "a"], ["f": .init("a", 0o600)], ["f": .init("a", 0o640)], ["f": .init("a", 0o600)],
    .conflict, .attributesOnBoth),
  .init(
    "same mode on both", ["f": "a"], ["f": .init("a", 0o600)], ["f": .init("a", 0o600)], ["f": .init("a", 0o600)],
    .keep, .sameChange),
  .init(
    "extended attributes", ["f": .init("a", xattrs: ["user.a": [1], "user.b": [1]])],
    ["f": .init("a", xattrs: ["user.a": [1], "user.b": [2]])],
    ["f": .init("a", xattrs: ["user.b": [1], "user.c": [3]])],
    ["f": .init("a", xattrs: ["user.b": [2], "user.c": [3]])], .merge, .differentParts),
  .init(
    "immutable here, content by the generation", ["f": "a"], ["f": .init("a", protection: 0x10)], ["f": "b"],
    ["f": .init("b", protection: 0x10)], .merge, .differentParts),
  .init(
    "append-only by the generation", ["f": "a"], ["f": "a"], ["f": .init("a", protection: 0x20)],
    ["f": .init("a", protection: 0x20)], .keep, .changedByGeneration),
  .init(
    "no longer immutable here", ["f": .init("a", protection: 0x10)], ["f": "a"], ["f": .init("a", protection: 0x10)],
    ["f": "a"], .take, .changedHere),
  .init(
    "access control list here, mode by the generation: one thing", ["f": "a"],
    ["f": .init("a", 0o664, xattrs: [list: [1]])], ["f": .init("a", 0o600)],
    ["f": .init("a", 0o664, xattrs: [list: [1]])], .conflict, .attributesOnBoth),
  .init(
    "mode of a directory here", ["d/f": "a"], ["d": .directory(0o700), "d/f": "a"], ["d/f": "b"],
    ["d": .directory(0o700), "d/f": "b"], at: "d", .take, .changedHere),
  .init(
    "mode of a directory by the generation", ["d/f": "a"], ["d/f": "b"], ["d": .directory(0o700), "d/f": "a"],
    ["d": .directory(0o700), "d/f": "b"], at: "d", .keep, .changedByGeneration),
]

private let types: [Situation] = [
  .init(
    "file becomes a link here", ["f": "a"], ["f": .link("g")], ["f": "a"], ["f": .link("g")], .take, .changedHere),
  .init(
    "file becomes a link by the generation", ["f": "a"], ["f": "a"], ["f": .link("g")], ["f": .link("g")], .keep,
    .changedByGeneration),
  .init(
    "changed here, a link by the generation", ["f": "a"], ["f": "b"], ["f": .link("g")],
    ["f": "b", aside: .link("g")], .conflict, .changedOnBoth),
  .init(
    "links to different places", ["f": .link("a")], ["f": .link("b")], ["f": .link("c")],
    ["f": .link("b"), aside: .link("c")], .conflict, .changedOnBoth),
  .init(
    "file becomes a directory by the generation", ["f": "a"], ["f": "a"], ["f/g": "b"],
    ["f": .directory(), "f/g": "b"], .keep, .changedByGeneration),
  .init(
    "directory becomes a link by the generation", ["f/g": "a"], ["f/g": "a"], ["f": .link("h")], ["f": .link("h")],
    .keep, .changedByGeneration),
  .init(
    "directory becomes a link by the generation, something in it changed here", ["f/g": "a"], ["f/g": "b"],
    ["f": .link("h")], ["f": .directory(), "f/g": "b", aside: .link("h")], .conflict, .changedOnBoth),
  .init(
    "directory becomes a link here", ["f/g": "a"], ["f": .link("h")], ["f/g": "a"], ["f": .link("h")], .take,
    .changedHere),
  .init(
    "directory becomes a link here, something comes into it", ["f/g": "a"], ["f": .link("h")],
    ["f/g": "a", "f/i": "b"],
    ["f": .link("h"), aside: .directory(), "f.ast.dpkg-dist/g": "a", "f.ast.dpkg-dist/i": "b"],
    .conflict, .changedOnBoth),
  .init(
    "file becomes a directory on both", ["f": "a"], ["f/g": "b"], ["f/h": "c"],
    ["f": .directory(), "f/g": "b", "f/h": "c"], at: "f/g", .take, .changedHere),
]

private let directories: [Situation] = [
  .init(
    "files come on both sides", [:], ["d/a": "a"], ["d/b": "b"], ["d": .directory(), "d/a": "a", "d/b": "b"], at: "d/a",
    .take, .changedHere),
  .init(
    "removed by the generation", ["d/f": "a"], ["d/f": "a"], [:], [:], at: "d", .keep, .changedByGeneration),
  .init(
    "removed by the generation, something of ours in it", ["d/f": "a"], ["d/f": "a", "d/g": "b"], [:],
    ["d": .directory(), "d/g": "b"], at: "d", .take, .stillUsed),
  .init("removed here", ["d/f": "a"], [:], ["d/f": "a"], [:], at: "d", .remove, .changedHere),
  .init(
    "removed here, something new in it", ["d/f": "a"], [:], ["d/f": "a", "d/g": "b"],
    ["d": .directory(), "d/g": "b"], at: "d", .keep, .stillUsed),
  .init(
    "removed here, changed by the generation", ["d/f": "a"], [:], ["d/f": "b"],
    ["d": .directory(), "d/f.ast.dpkg-dist": "b"], at: "d", .keep, .stillUsed),
  .init(
    "emptied here, removed by the generation", ["d/f": "a"], ["d": .directory()], [:], [:], at: "d", .keep,
    .changedByGeneration),
  .init("empty one, made here", [:], ["d": .directory()], [:], ["d": .directory()], at: "d", .take, .changedHere),
  .init(
    "empty one of the generation", [:], [:], ["d": .directory()], ["d": .directory()], at: "d", .keep,
    .changedByGeneration),
]

private let machine: [Situation] = [
  .init(
    "machine-id", ["machine-id": "a"], ["machine-id": "a"], ["machine-id": "b"], ["machine-id": "a"],
    at: "machine-id", .take, .machine),
  .init(
    "host key that only the generation has", [:], [:], ["ssh/ssh_host_rsa_key": "a"],
    ["ssh": .directory(), "ssh/ssh_host_rsa_key": "a"], at: "ssh/ssh_host_rsa_key", .keep, .machine),
  .init(
    "host key without a server", ["ssh/ssh_host_rsa_key": "a"], ["ssh/ssh_host_rsa_key": "b"], [:],
    ["ssh": .directory(), "ssh/ssh_host_rsa_key": "b"], at: "ssh/ssh_host_rsa_key", .take, .machine),
  .init(
    "what only sounds like a host key", ["ssh/sshd_config": "a"], ["ssh/sshd_config": "a"], ["ssh/sshd_config": "b"],
    ["ssh": .directory(), "ssh/sshd_config": "b"], at: "ssh/sshd_config", .keep, .changedByGeneration),
  .init(
    "cache of libraries", ["ld.so.cache": "a"], ["ld.so.cache": "b"], ["ld.so.cache": "a"], ["ld.so.cache": "a"],
    at: "ld.so.cache", .keep, .machine),
  .init(
    "notes for the start of a deployment", [:], [".ast": .directory(), ".ast/seed": ""], [:], [:], at: ".ast", .keep,
    .machine),
  .init(
    "a secret is configuration", ["wireguard/w": "a"], ["wireguard/w": "b"], ["wireguard/w": "a"],
    ["wireguard": .directory(), "wireguard/w": "b"], at: "wireguard/w", .take, .changedHere),
  .init(
    "history that went on on both sides", [".git/a": "a"], [".git/a": "a", ".git/b": "b", ".git/c": "b"],
    [".git/a": "c", ".git/c": "c"], [".git": .directory(), ".git/a": "a", ".git/b": "b", ".git/c": "b"], at: ".git",
    .take, .machine),
  .init(
    "history that went on in the generation", [".hg/a": "a"], [".hg/a": "a"], [".hg/a": "c", ".hg/c": "c"],
    [".hg": .directory(), ".hg/a": "c", ".hg/c": "c"], at: ".hg", .keep, .machine),
  .init(
    "history that only the generation has", [:], [:], [".bzr/a": "a"], [".bzr": .directory(), ".bzr/a": "a"],
    at: ".bzr",
    .keep, .machine),
  .init(
    "what etckeeper notes", [".etckeeper": "a"], [".etckeeper": "b"], [".etckeeper": "c"], [".etckeeper": "b"],
    at: ".etckeeper", .take, .machine),
  .init(
    "a repository somewhere below", ["d/.git/a": "a"], ["d/.git/a": "b"], ["d/.git/a": "c"],
    ["d": .directory(), "d/.git": .directory(), "d/.git/a": "b", "d/.git/a.ast.dpkg-dist": "c"], at: "d/.git/a",
    .conflict,
    .changedOnBoth),
  .init("fstab", ["fstab": "a"], ["fstab": "b"], ["fstab": "a"], ["fstab": "b"], at: "fstab", .take, .changedHere),
  .init(
    "identity removed here", ["hostname": "a"], [:], ["hostname": "a"], [:], at: "hostname", .remove, .machine),
]

@Suite struct EtcPlanTests {
  @Test(arguments: contents + attributes + types + directories + machine)
  func eachSituationHasItsResult(_ situation: Situation) throws {
    let (pristine, live, new) = (etc(situation.pristine), etc(situation.live), etc(situation.new))
    let plan = EtcPlan(pristine: pristine, live: live, new: new, accounts: AccountFiles())
    let result = try #require(plan.applied(to: new, live: live, new: new))
    #expect(result.tree == situation.result)
    let decision = try #require(plan.decisions.first { $0.path == situation.path })
    #expect(decision.verdict == situation.verdict)
    #expect(decision.reason == situation.reason)
  }

  @Test func aFreshEtcHasOnlyTheIdentityOfTheMachine() throws {
    let pristine = etc(["f": "a", "hostname": "a", "d/f": "a"])
    let live = etc(["f": "b", "g": "b", "hostname": "b", "machine-id": "b", "d": .directory(0o700), "e/f": "b"])
    let new = etc(["f": "c", "h": "c", "hostname": "c", "d/f": "a", "passwd": "c"])
    var accounts = AccountFiles()
    accounts.passwd = AccountFile("root:x:0:0:::\n".utf8)
    let plan = EtcPlan(pristine: pristine, live: live, new: new, accounts: accounts, mode: .fresh)
    let result = try #require(plan.applied(to: new, live: live, new: new))
    #expect(
      result
        == etc([
          "f": "c", "h": "c", "hostname": "b", "machine-id": "b", "d/f": "a", "passwd": "root:x:0:0:::\n",
        ]))
    #expect(plan.conflicts.isEmpty)
  }

  @Test func theIdentityOfTheMachineCanBeLeftOut() throws {
    let pristine = etc(["hostname": "a", "machine-id": "a", "f": "a"])
    let live = etc(["hostname": "b", "f": "b", "ssh/ssh_host_rsa_key": "b"])
    let plan = EtcPlan(
      pristine: pristine, live: live, new: pristine, accounts: AccountFiles(), identity: .new)
    let result = try #require(plan.applied(to: pristine, live: live, new: pristine))
    #expect(result == etc(["hostname": "a", "machine-id": "a", "f": "b", "ssh": .directory()]))
  }

  @Test func accountFilesAreNotMergedAsFiles() throws {
    let (pristine, live, new) = (
      etc(["shadow": .init("a", 0o640)]), etc(["shadow": .init("b", 0o600)]), etc(["shadow": .init("c", 0o640)])
    )
    var accounts = AccountFiles()
    accounts.shadow = AccountFile("root:*:::::::\n".utf8)
    let plan = EtcPlan(pristine: pristine, live: live, new: new, accounts: accounts)
    #expect(plan.conflicts.isEmpty)
    #expect(plan.applied(to: new, live: live, new: new) == etc(["shadow": .init("root:*:::::::\n", 0o600)]))
  }

  @Test func aLongNameStillHasANewVersionBesideIt() throws {
    let path = FilePath(String(repeating: "x", count: 255))
    let plan = EtcPlan(
      pristine: etc([path: "a"]), live: etc([path: "b"]), new: etc([path: "c"]), accounts: AccountFiles())
    let aside = try #require(plan.conflicts.first?.aside)
    #expect(aside.string == String(repeating: "x", count: 241) + ".ast.dpkg-dist")
  }

  @Test func stepsAreInAnOrderThatCanBeCarriedOut() {
    let live = etc(["a/b/c": "x", "a/b/d": "x", "f": "x", "g": "x"])
    let new = etc(["a": "y", "f/g": "y", "h": "y", "i/j": "y"])
    let plan = EtcPlan(pristine: new, live: live, new: new, accounts: AccountFiles())
    let paths: [String] = plan.steps.map { step in
      switch step {
      case .remove(let path): "-\(path)"
      case .put(let path, _): "+\(path)"
      case .setAttributes(let path, _): "=\(path)"
      }
    }
    #expect(paths == ["-a", "-f", "-h", "-i", "+a", "+a/b", "+a/b/c", "+a/b/d", "+f", "+g"])
  }
}
