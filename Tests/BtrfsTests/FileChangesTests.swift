import Btrfs
import SystemPackage
import TestSupport
import Testing

/// A change made by a script in a snapshot, and what the comparison with the original shows.
private struct Change: CustomTestStringConvertible {
  /// The expected changes in the scripts' directory, in the order of paths.
  let expected: [String]
  let script: String
  /// A script that changes another snapshot, if that is compared instead of the original.
  let sibling: String?

  init(_ expected: [String], _ script: String, sibling: String? = nil) {
    self.expected = expected
    self.script = script
    self.sibling = sibling
  }

  var testDescription: String { sibling.map { "\(script) / \($0)" } ?? script }
}

/// The contents of the original.
private let original = """
  mkdir -p d/sub e; echo one >one; echo two >two; echo in >d/in; echo deep >d/sub/deep; echo e >e/e
  ln -s one link; ln one hard; mkfifo fifo; mknod null c 1 3; head -c 300000 /dev/urandom >large; touch o257-7-0
  """

/// Gives a file an extended attribute.
private let setAttribute = #"python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.x", b"1")'"#

private let changes = [
  Change([], "true"),
  Change([], "touch -d 2001-02-03 one d; cat one >copy; rm copy"),
  Change(["+ new"], "echo new >new"),
  Change(["+ n", "+ n/f", "+ n/l"], "mkdir n; touch n/f; ln -s f n/l"),
  Change(["- two"], "rm two"),
  Change(["- e", "- e/e"], "rm -r e"),
  Change(["two > second"], "mv two second"),
  Change(["two > e/two"], "mv two e"),
  Change(["two > second: content, mode"], "mv two second; echo more >>second; chmod 600 second"),
  Change(["d > dir"], "mv d dir"),
  Change(["d > e/d"], "mv d e"),
  Change(
    ["- d/in", "d > dir", "+ dir/new", "dir/sub/deep: content"],
    "echo x >>d/sub/deep; rm d/in; mv d dir; touch dir/new"),
  Change(["d > dir", "d/sub > dir/inner"], "mv d/sub d/inner; mv d dir"),
  Change(["d > dir", "d/in > dir/other"], "mv d/in d/other; mv d dir"),
  Change(["- d", "- d/sub", "d/sub/deep > deep", "d/in > in"], "mv d/in in; mv d/sub/deep deep; rm -r d"),
  // If a path has another file now, its old file is not renamed; the contents of a directory are.
  Change(["d/sub/deep > d/deep", "- d/sub", "+ old", "d/in > old/in"], "mv d old; mv old/sub d"),
  Change(["e/e > d/e", "d/in > e/in", "d/sub > e/sub"], "mv d t; mv e d; mv t e"),
  Change(["one: content"], "echo other >one.new; mv one.new one"),
  Change([], "cat two >new; mv new two"),
  Change(["hard: content", "one: content"], "echo more >>hard"),
  Change(["hard: mode", "one: mode"], "chmod 600 one"),
  Change(["+ third"], "ln one third"),
  Change(["- hard"], "rm hard"),
  Change(["hard > third"], "mv hard third"),
  Change(["two: mode"], "chmod 4755 two"),
  Change(["two: owner"], "chown 1 two"),
  Change(["two: owner"], "chgrp 1 two"),
  Change(["two: attributes"], "\(setAttribute) two"),
  Change(["d: mode, owner, attributes"], "chown 7:8 d; chmod 700 d; \(setAttribute) d"),
  Change([": mode"], "chmod 700 ."),
  Change(["link: target"], "ln -sfn two link"),
  Change(["link: owner"], "chown -h 1 link"),
  Change(["link: type"], "rm link; echo one >link"),
  Change(["d: type", "- d/in", "- d/sub", "- d/sub/deep"], "rm -r d; touch d"),
  Change(["two: type", "+ two/x"], "rm two; mkdir two; touch two/x"),
  Change(
    ["d: type", "- d/in", "- d/sub", "- d/sub/deep", "+ x", "+ x/in"], "rm -r d; mkdir x; touch x/in; ln -s x d"),
  Change(["null: device"], "rm null; mknod null c 1 5"),
  Change(["fifo: type"], "rm fifo; mknod fifo c 1 3"),
  Change(["large: content"], "fallocate --punch-hole --offset 4096 --length 8192 large"),
  Change(["large: content"], "truncate -s 4096 large"),
  Change([], "cp --reflink=never large l; mv l large"),
  Change([], "dd if=large of=large bs=4096 count=2 conv=notrunc status=none"),
  Change(["o257-7-0 > o258-7-0"], "mv o257-7-0 o258-7-0"),
  Change(["+ a\nb", "+ c\u{1b}[31m"], "touch \"$(printf 'a\\nb')\" \"$(printf 'c\\033[31m')\""),
  Change([], "echo same >new; mkdir -m 700 n", sibling: "echo same >new; mkdir -m 700 n"),
  Change(["new: content"], "echo second >new", sibling: "echo first >new"),
  Change(
    ["n: mode", "new: mode, owner"], "touch new; chown 5 new; chmod 600 new; mkdir n",
    sibling: "touch new; mkdir -m 700 n"),
  Change(["new: type"], "mkdir new", sibling: "touch new"),
  Change(["- a", "+ b", "- d/in", "two > second"], "rm d/in; touch b; mv two second", sibling: "touch a"),
  Change(["x > y"], "mv d y", sibling: "mv d x"),
]

extension FileChange {
  fileprivate var text: String {
    let words = differences.isEmpty ? "" : ": " + differences.map(\.rawValue).joined(separator: ", ")
    return switch kind {
    case .added: "+ \(path.string)"
    case .removed: "- \(path.string)"
    case .changed: "\(path.string)\(words)"
    case .renamed: "\(from?.string ?? "") > \(path.string)\(words)"
    }
  }
}

@Suite("Changes of files", .requiresRoot) struct FileChangesTests {
  let directory: FilePath

  init() throws { directory = try LoopBtrfs.shared.newDirectory() }

  private func run(_ script: String, in subvolume: Subvolume) throws {
    try runSuccessfully(["bash", "-euc", script], in: subvolume.path)
  }

  /// A read-only subvolume, made from another one if that is given.
  private func subvolume(_ name: String, from origin: Subvolume? = nil, _ script: String) throws -> Subvolume {
    let path = directory.appending(name)
    let made = try origin?.snapshot(to: path, readOnly: false) ?? Subvolume.create(at: path)
    try run(script, in: made)
    try made.setReadOnly(true)
    return made
  }

  @Test(arguments: changes)
  private func areThoseThatWereMade(change: Change) throws {
    let first = try subvolume("first", original)
    let older = try change.sibling.map { try subvolume("older", from: first, $0) } ?? first
    let newer = try subvolume("newer", from: first, change.script)
    #expect(try newer.fileChanges(since: older).map(\.text) == change.expected)
    #expect(try older.fileChanges(since: newer).isEmpty == change.expected.isEmpty)
    #expect(try newer.fileChanges(since: newer).isEmpty)
  }

  @Test func treesWithoutACommonHistoryAreCompared() throws {
    let older = try subvolume("older", "mkdir d; echo same >d/same; echo one >d/one; echo moved >moved; mkdir gone")
    let newer = try subvolume("newer", "mkdir d; echo same >d/same; echo two >d/one; echo moved >other; ln -s d gone")
    #expect(
      try newer.fileChanges(since: older).map(\.text) == ["d/one: content", "gone: type", "- moved", "+ other"])
    #expect(try newer.fileChanges(since: older, in: "d").map(\.text) == ["d/one: content"])
  }

  @Test func onlyOneDirectoryCounts() throws {
    let older = try subvolume("older", "mkdir etc usr usr/dir; touch etc/a etc/b usr/c usr/dir/f; mkdir etcetera")
    let newer = try subvolume(
      "newer", from: older, "mv etc/a usr; mv usr/c etc; mv etc/b etc/z; mv usr/dir etc/dir; touch etcetera/x usr/x")
    #expect(
      try newer.fileChanges(since: older, in: "/etc").map(\.text)
        == ["- etc/a", "+ etc/c", "+ etc/dir", "+ etc/dir/f", "etc/b > etc/z"])
    #expect(try newer.fileChanges(since: older, in: "nothing").isEmpty)
    let away = try subvolume("away", from: older, "mv etc old; mkdir etc; touch etc/a")
    #expect(try away.fileChanges(since: older, in: "etc").map(\.text) == ["- etc/b"])
  }

  @Test func namesMayBeAnyBytes() throws {
    let older = try subvolume("older", "touch a")
    let newer = try subvolume("newer", from: older, "touch $'\\xff\\xfe'")
    let changes = try newer.fileChanges(since: older)
    #expect(changes.map(\.kind) == [.added])
    let names = changes.map { $0.path.withPlatformString { name in Array(UnsafeBufferPointer(start: name, count: 3)) } }
    #expect(names == [[-1, -2, 0]])
  }

  @Test func aWritableSubvolumeIsRefused() throws {
    let older = try subvolume("older", "touch a")
    let newer = try subvolume("newer", from: older, "touch b")
    try newer.setReadOnly(false)
    expectFailure(.notPermitted) { try newer.fileChanges(since: older) }
    expectFailure(.notPermitted) { try older.fileChanges(since: newer) }
    expectFailure(.notFound) { try newer.fileChanges(since: Subvolume(at: directory.appending("missing"))) }
    expectFailure(.notASubvolume) { try newer.fileChanges(since: Subvolume(at: directory.appending("newer/b"))) }
  }

  @Test func aStreamOfManyCommandsIsReadToItsEnd() throws {
    let older = try subvolume("older", "touch a")
    let newer = try subvolume("newer", from: older, "mkdir d; cd d; touch file-{1..5000}")
    #expect(try newer.fileChanges(since: older).count == 5001)
  }
}
