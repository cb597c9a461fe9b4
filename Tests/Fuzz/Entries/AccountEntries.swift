import Etc
import SystemPackage

extension FuzzEntry {
  private static let passwd = "root:x:0:0:root:/root:/bin/bash\nanna:x:1000:1000:,,,:/home/anna:/bin/sh\n+::::::\n"
  private static let group = "root:x:0:\nanna:x:1000:\nsudo:x:27:anna,otto\nweb:x:999:anna\n"
  private static let shadow = "root:*:20000:0:99999:7:::\nanna:$y$j9T$a$b:20000:0:99999:7:::\n"
  private static let otherPasswd = "otto:x:1001:1001::/home/otto:/bin/sh\nweb:x:999:999::/:/usr/sbin/nologin\n"
  private static let trees = [
    passwd, group, shadow, "", "anna:1:2", otherPasswd, group, shadow, "", "", passwd, "", "",
  ]

  private static let fileSources = [
    "AccountEntry", "AccountFields", "AccountFile", "AccountNumbers", "GroupShadowEntry", "ShadowEntry",
    "SubordinateEntry",
  ].map { "Formats/Etc/Accounts/\($0).swift" }
  private static let mergeSources = [
    "AccountFiles", "AccountMerge", "FollowAccounts", "GroupMerge", "LineMerge", "UserMerge",
  ].map { "Formats/Etc/Merge/\($0).swift" }

  static let accountEntries: [FuzzEntry] = [
    FuzzEntry(
      "account-file", of: fileSources, seeds: [passwd, group, shadow, "anna:100000:65536\n"],
      files: ["etc/passwd", "etc/group", "etc/shadow", "etc/gshadow"], checkFile),
    FuzzEntry(
      "account-merge", of: mergeSources, bytes: [Array(trees.map { Array($0.utf8) }.joined(separator: [0xff]))],
      checkMerge),
  ]

  @Sendable private static func checkFile(_ input: [UInt8]) throws {
    try check(AccountFile<PasswdEntry>(input), input)
    try check(AccountFile<GroupEntry>(input), input)
    try check(AccountFile<ShadowEntry>(input), input)
    try check(AccountFile<GroupShadowEntry>(input), input)
    try check(AccountFile<SubordinateEntry>(input), input)
    try checkNumbers(AccountFile<PasswdEntry>(input).entries)
    try checkNumbers(AccountFile<GroupEntry>(input).entries)
    _ = AccountFile<PasswdEntry>(input).entries.map { ($0.group, $0.shell) }
    _ = AccountFile<SubordinateEntry>(input).entries.map(\.range)
  }

  /// Merges three trees, each of passwd, group, shadow, gshadow and subuid.
  @Sendable private static func checkMerge(_ input: [UInt8]) throws {
    let names: [FilePath] = ["passwd", "group", "shadow", "gshadow", "subuid"]
    let files = parts(input, 3 * names.count)
    let trees = (0..<3).map { tree in
      AccountFiles(Dictionary(uniqueKeysWithValues: zip(names, files[(tree * names.count)...])))
    }
    let merged = AccountMerge(pristine: trees[0], live: trees[1], new: trees[2]).merged
    for entries in [merged.passwd?.entries.map(\.name), merged.group?.entries.map(\.name)] {
      try require(Set(entries ?? []).count == (entries ?? []).count, "an account is there twice")
    }
    let people = AccountMerge.people(in: trees[0])
    _ = AccountMerge(following: trees[1], into: trees[2], known: Set(people)).merged.contents
  }

  private static func check(_ file: AccountFile<some AccountLine>, _ input: [UInt8]) throws {
    try require(file.content == input, "the file is not what was read")
    var changed = file
    changed.update { $0[4] = Array("x".utf8) }
    try require(changed.entries.map(\.name) == file.entries.map(\.name), "a name was changed")
  }

  /// Renumbers accounts by a registry, and looks whether any two become the same.
  private static func checkNumbers(_ entries: [some AccountEntry]) throws {
    let numbers = AccountNumbers(entries)
    let registry: [String: UInt32] = ["root": 0, "anna": 1001, "web": 998, "otto": 1000, "sudo": 27]
    for claim in numbers.claims(in: registry) {
      try require(registry[claim.name] == nil, "\(claim.name) is registered already")
    }
    let present = Set(entries.map(\.id))
    let new = numbers.renumbering(by: registry).numbers
    try require(Set(present.map { new[$0] ?? $0 }).count == present.count, "two numbers become the same: \(new)")
  }
}
