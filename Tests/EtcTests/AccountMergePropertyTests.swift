import Etc
import SystemPackage
import TestSupport
import Testing

/// Expects that pwck(8) and grpck(8) do not find errors.
func expectChecksPass(_ merged: AccountFiles) throws {
  let root = try run(["mktemp", "--directory"]).stdout.split(separator: "\n").map { FilePath(String($0)) }[0]
  defer { _ = try? run(["rm", "-r", root.string]) }
  #expect(try run(["mkdir", root.appending("etc").string]).status == 0)
  for (name, content) in merged.contents {
    let file = try FileDescriptor.open(
      root.appending("etc").pushing(name), .writeOnly, options: [.create], permissions: [.ownerReadWrite])
    try file.closeAfter { _ = try file.writeAll(content) }
  }
  // Missing home directories are not asked about (-q): there is only /etc.
  for check in [["pwck", "-q", "-r", "-R", root.string], ["grpck", "-r", "-R", root.string]] {
    let result = try run(check)
    #expect(result.stdout + result.stderr == "")
    #expect(result.status == 0)
  }
}

/// The accounts of one machine, of which each side makes what it wants. A name has one number, as by the registry.
private struct Machine {
  struct User: Equatable {
    var shell = "/bin/sh"
    var password = "*"
    var members: Set<String> = []
  }

  static let numbers = ["sys": 101, "web": 102, "old": 103, "ann": 1001, "bob": 1002, "eve": 1003]
  var users: [String: User] = [:]

  mutating func edit(_ random: inout SeededGenerator) {
    let others = users.keys.sorted()
    for name in Self.numbers.keys.sorted() {
      switch Int.random(in: 0..<10, using: &random) {
      case 0, 1: users[name] = nil
      case 2, 3: users[name] = users[name] ?? User()
      case 4: users[name]?.shell = ["/bin/bash", "/bin/dash"].randomElement(using: &random) ?? ""
      case 5: users[name]?.password = ["$y$a", "!"].randomElement(using: &random) ?? ""
      case 6: users[name]?.members.formSymmetricDifference([others.randomElement(using: &random) ?? ""])
      default: break
      }
    }
    let left = Set(users.keys)
    for name in left { users[name]?.members.formIntersection(left) }
  }

  var database: AccountFiles {
    let names = users.keys.sorted()
    func file(_ line: (String, User, Int) -> String) -> [UInt8] {
      let lines = names.map { line($0, users[$0] ?? User(), Self.numbers[$0] ?? 0) + "\n" }
      return Array(lines.joined().utf8)
    }
    return AccountFiles([
      "passwd": file { "\($0):x:\($2):\($2)::/:\($1.shell)" },
      "shadow": file { name, user, _ in "\(name):\(user.password):19000::::::" },
      "group": file { "\($0):x:\($2):\($1.members.sorted().joined(separator: ","))" },
      "gshadow": file { name, user, _ in "\(name):!::\(user.members.sorted().joined(separator: ","))" },
    ])
  }
}

@Suite struct AccountMergePropertyTests {
  @Test(arguments: 0..<50 as Range<UInt64>)
  func whateverHappensTheFilesAreSound(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var pristine = Machine()
    for _ in 0..<3 { pristine.edit(&random) }
    var (live, new) = (pristine, pristine)
    live.edit(&random)
    new.edit(&random)
    let merge = AccountMerge(pristine: pristine.database, live: live.database, new: new.database)
    try expectChecksPass(merge.merged)

    let entries = merge.merged.passwd?.entries ?? []
    let merged = Dictionary(uniqueKeysWithValues: entries.map { ($0.name, String(decoding: $0[6], as: UTF8.self)) })
    for name in Machine.numbers.keys {
      let (before, here, there) = (pristine.users[name], live.users[name], new.users[name])
      let isLocked = here != nil && there == nil && before != nil && !isPerson(UInt32(Machine.numbers[name] ?? 0))
      if isLocked { #expect(merged[name] == here?.shell) }
      if here == before || here == there, !isLocked { #expect(merged[name] == there?.shell) }
      if before == nil, here != nil { #expect(merged[name] != nil) }
      if here != nil, there != nil, before?.shell != here?.shell, before != nil { #expect(merged[name] == here?.shell) }
    }
    let again = AccountMerge(pristine: new.database, live: merge.merged, new: new.database)
    #expect(again.merged == merge.merged)
  }
}
