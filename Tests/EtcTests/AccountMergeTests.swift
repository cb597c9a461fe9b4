import Etc
import SystemPackage
import TestSupport
import Testing

/// The files of one tree, as text; what is not named is not there.
typealias Files = [FilePath: String]

private func accounts(_ files: Files) -> AccountFiles { AccountFiles(files.mapValues { Array($0.utf8) }) }

private func text(_ database: AccountFiles) -> Files {
  database.contents.mapValues { String(decoding: $0, as: UTF8.self) }
}

/// One situation in one file.
struct AccountSituation: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let file: FilePath
  let lines: [[String]]
  let result: [String]
  let remarks: [AccountRemark]

  init(
    _ name: String, _ file: FilePath, _ pristine: [String], _ live: [String], _ new: [String],
    _ result: [String], _ remarks: [AccountRemark] = []
  ) {
    testDescription = name
    self.file = file
    lines = [pristine, live, new]
    self.result = result
    self.remarks = remarks
  }
}

private let root = "root:x:0:0:root:/root:/bin/sh"
private let ann = "ann:x:1000:100:Ann:/home/ann:/bin/sh"
private let web = "web:x:120:120::/srv:/bin/false"

private let users: [AccountSituation] = [
  .init("added here", "passwd", [root], [root, ann], [root], [root, ann]),
  .init("added by a package", "passwd", [root], [root], [root, web], [root, web]),
  .init("added on both sides", "passwd", [root], [root, ann], [root, web], [root, web, ann]),
  .init(
    "shell, home and comment changed here", "passwd", [root], ["root:x:0:0:boss:/r:/bin/zsh"], [root],
    ["root:x:0:0:boss:/r:/bin/zsh"]),
  .init(
    "different fields changed", "passwd", [root], ["root:x:0:0:root:/root:/bin/zsh"],
    ["root:x:0:0:super:/root:/bin/sh"],
    ["root:x:0:0:super:/root:/bin/zsh"]),
  .init(
    "same field changed", "passwd", [root], ["root:x:0:0:root:/root:/bin/zsh"], ["root:x:0:0:root:/root:/bin/bash"],
    ["root:x:0:0:root:/root:/bin/zsh"]),
  .init(
    "system account changed by a package", "passwd", [web], [web], ["web:x:120:120::/var/www:/bin/false"],
    ["web:x:120:120::/var/www:/bin/false"]),
  .init(
    "system account made on both sides", "passwd", [], [web], ["web:x:120:120:W:/w:/bin/false"],
    ["web:x:120:120:W:/w:/bin/false"]),
  .init(
    "person made on both sides", "passwd", [], [ann], ["ann:x:1000:100:A:/a:/bin/zsh"], [ann]),
  .init("deleted here", "passwd", [root, ann], [root], [root, ann], [root]),
  .init("system account deleted here", "passwd", [root, web], [root], [root, web], [root]),
  .init(
    "system account deleted here and changed by a package", "passwd", [web], [], ["web:x:120:120::/var/www:/bin/false"],
    ["web:x:120:120::/var/www:/bin/false"], [.returned(.user, name: "web")]),
  .init(
    "not in the new generation", "passwd", [root, web, ann], [root, web, ann], [root], [root, web],
    [.locked(.user, name: "web"), .gone(.user, name: "ann")]),
  .init(
    "person changed here, not in the new generation", "passwd", [ann], ["ann:x:1000:100:Ann:/home/ann:/bin/zsh"], [],
    ["ann:x:1000:100:Ann:/home/ann:/bin/zsh"], [.keptChanged(.user, name: "ann")]),
  .init(
    "other number in the new generation", "passwd", [web], [web], ["web:x:130:120::/srv:/bin/false"],
    ["web:x:130:120::/srv:/bin/false"], [.renumbered(.user, name: "web", live: 120, new: 130)]),
  .init(
    "a number twice", "passwd", [], ["mine:x:120:100:::"], [web], [web, "mine:x:120:100:::"],
    [.shared(.user, names: ["web", "mine"], id: 120)]),
  .init(
    "a number twice, on purpose", "passwd", [root], [root, "toor:x:0:0:::"], [root], [root, "toor:x:0:0:::"]),
  .init(
    "NIS lines and comments", "passwd", ["# a", root, "# b"], ["# a", root, "+", "# c"], [root, "# a", "# b"],
    [root, "# a", "# c", "+"]),
  .init(
    "lines of no account", "passwd", [root, "junk"], [root, "junk"], [root, "junk", "x:y"], [root, "junk", "x:y"]),
  .init("the same name twice", "passwd", [], [], [root, "root:x:1:1:::"], [root]),
]

private let groups: [AccountSituation] = [
  .init("member added here", "group", ["sudo:x:27:"], ["sudo:x:27:ann"], ["sudo:x:27:"], ["sudo:x:27:ann"]),
  .init(
    "members added on both sides", "group", ["adm:x:4:a"], ["adm:x:4:a,b"], ["adm:x:4:a,c"], ["adm:x:4:a,c,b"]),
  .init(
    "member removed here", "group", ["adm:x:4:a,b"], ["adm:x:4:b"], ["adm:x:4:a,b,c"], ["adm:x:4:b,c"]),
  .init("member removed by a package", "group", ["adm:x:4:a,b"], ["adm:x:4:a,b"], ["adm:x:4:b"], ["adm:x:4:b"]),
  .init("group added here", "group", [], ["devs:x:1001:ann"], ["web:x:120:"], ["web:x:120:", "devs:x:1001:ann"]),
  .init(
    "members of a group on both sides by itself", "group", [], ["docker:x:130:ann"], ["docker:x:130:"],
    ["docker:x:130:ann"]),
  .init(
    "not in the new generation", "group", ["docker:x:130:"], ["docker:x:130:ann"], [], ["docker:x:130:ann"],
    [.locked(.group, name: "docker")]),
  .init(
    "group of people changed here, not in the new generation", "group", ["devs:x:1001:"], ["devs:x:1001:ann"], [],
    ["devs:x:1001:ann"], [.keptChanged(.group, name: "devs")]),
]

private let ranges: [AccountSituation] = [
  .init("added here", "subuid", [], ["ann:100000:65536"], [], ["ann:100000:65536"]),
  .init(
    "several, changed here", "subuid", ["ann:1:2"], ["ann:1:2", "ann:10:2"], ["ann:1:2", "bob:20:2"],
    ["ann:1:2", "ann:10:2", "bob:20:2"]),
  .init("removed here", "subgid", ["ann:1:2"], [], ["ann:1:2"], []),
  .init(
    "in common", "subgid", [], ["ann:100000:65536"], ["bob:100000:65536"], ["bob:100000:65536", "ann:100000:65536"],
    [.overlap(names: ["bob", "ann"])]),
]

@Suite struct AccountMergeTests {
  @Test(arguments: users + groups + ranges)
  func eachAccountIsMergedByItself(_ situation: AccountSituation) {
    let trees = situation.lines.map { accounts([situation.file: $0.map { $0 + "\n" }.joined()]) }
    let merge = AccountMerge(pristine: trees[0], live: trees[1], new: trees[2])
    #expect(text(merge.merged) == [situation.file: situation.result.map { $0 + "\n" }.joined()])
    #expect(merge.remarks == situation.remarks)
  }

  @Test func aPasswordSetHereStaysWithItsDate() {
    let merge = AccountMerge(
      pristine: accounts(["passwd": "ann:x:1000:1000:::\n", "shadow": "ann:!:1:0:99999:7:::\n"]),
      live: accounts(["passwd": "ann:x:1000:1000:::\n", "shadow": "ann:$y$a:20:0:99999:7:::\n"]),
      new: accounts(["passwd": "ann:x:1000:1000:::\n", "shadow": "ann:*:30:0:90:7:::\n"]))
    #expect(text(merge.merged)["shadow"] == "ann:$y$a:20:0:90:7:::\n")
  }

  @Test func aPersonWhosePasswordWasSetHereStays() {
    let merge = AccountMerge(
      pristine: accounts(["passwd": "ann:x:1000:1000:::\n", "group": "ann:x:1000:\n", "shadow": "ann:!:1::::::\n"]),
      live: accounts(["passwd": "ann:x:1000:1000:::\n", "group": "ann:x:1000:\n", "shadow": "ann:$y$a:20::::::\n"]),
      new: accounts(["passwd": "", "group": "", "shadow": ""]))
    #expect(
      text(merge.merged) == [
        "passwd": "ann:x:1000:1000:::\n", "group": "ann:x:1000:\n", "shadow": "ann:$y$a:20::::::\n",
      ])
    #expect(merge.remarks == [.keptChanged(.user, name: "ann")])
  }

  @Test func whoIsGoneIsGoneEverywhere() {
    let before = accounts([
      "passwd": "web:x:1200:1200:::\n", "shadow": "web:*:::::::\n", "group": "web:x:1200:\nadm:x:4:web,ldap\n",
      "gshadow": "web:!::\nadm:*:web:web,ldap\n", "subuid": "web:1:2\n", "subgid": "web:1:2\n",
    ])
    let merge = AccountMerge(
      pristine: before, live: before,
      new: accounts(["passwd": "", "shadow": "", "group": "adm:x:4:web,ldap\n", "gshadow": "adm:*:web:web,ldap\n"]))
    #expect(
      text(merge.merged)
        == [
          "passwd": "", "shadow": "", "group": "adm:x:4:ldap\n", "gshadow": "adm:*::ldap\n", "subuid": "",
          "subgid": "\n",
        ].mapValues { $0 == "\n" ? "" : $0 })
  }

  /// A number of the system is not given to another account, and nobody logs in with the locked one.
  @Test func aSystemAccountThatIsGoneKeepsItsNumber() {
    let before = accounts([
      "passwd": "web:x:120:120::/srv:/bin/sh\n", "shadow": "web:$y$a:::::::\n", "group": "web:x:120:\n",
      "gshadow": "web:!::\n",
    ])
    let merge = AccountMerge(
      pristine: before, live: before, new: accounts(["passwd": "", "shadow": "", "group": "", "gshadow": ""]))
    #expect(
      text(merge.merged) == [
        "passwd": "web:x:120:120::/srv:/bin/sh\n", "shadow": "web:!*:::::::\n", "group": "web:x:120:\n",
        "gshadow": "web:!::\n",
      ])
    #expect(merge.remarks == [.locked(.user, name: "web")])
  }

  @Test func peopleFollowTheMachineAndTheSystemsAccountsDoNot() {
    let own = accounts([
      "passwd":
        "root:x:0:0::/root:/bin/sh\nweb:x:120:120::/:/bin/sh\nann:x:1000:1000:::\neve:x:1003:1003:::\nhere:x:1004:1004:::\n",
      "shadow": "root:old:1::::::\nweb:own:1::::::\nann:old:1::::::\neve:e:1::::::\nhere:h:1::::::\n",
      "group": "web:x:120:eve,here\nsudo:x:27:ann,web\nann:x:1000:\neve:x:1003:\nhere:x:1004:\n",
    ])
    let other = accounts([
      "passwd":
        "root:x:0:0::/root:/bin/zsh\nweb:x:120:120::/:/bin/zsh\ndb:x:121:121::/:/bin/sh\nann:x:1000:1000:::\nbob:x:1001:1001:::\n",
      "shadow": "root:new:2::::::\nweb:other:2::::::\ndb:hash:2::::::\nann:new:2::::::\nbob:new:2::::::\n",
      "group": "web:x:120:bob\nsudo:x:27:bob,db\ndb:x:121:\nann:x:1000:\nbob:x:1001:\n",
    ])
    let merge = AccountMerge(following: other, into: own, known: ["ann", "eve"])
    #expect(
      text(merge.merged) == [
        "passwd":
          "root:x:0:0::/root:/bin/zsh\nweb:x:120:120::/:/bin/sh\nann:x:1000:1000:::\nhere:x:1004:1004:::\ndb:x:121:121::/:/bin/sh\nbob:x:1001:1001:::\n",
        "shadow":
          "root:new:2::::::\nweb:own:1::::::\nann:new:2::::::\nhere:h:1::::::\ndb:!*:::::::\nbob:new:2::::::\n",
        "group":
          "web:x:120:here,bob\nsudo:x:27:web,bob\nann:x:1000:\nhere:x:1004:\ndb:x:121:\nbob:x:1001:\n",
      ])
    let again = AccountMerge(following: other, into: merge.merged, known: ["ann", "eve"])
    #expect(again.merged == merge.merged)
  }

  @Test func entriesThatAreMissingOrTooManyAreRepaired() {
    let files = accounts([
      "passwd": "ann:x:1000:1000:::\nold:hash:1001:1000:::\n", "shadow": "bob:*:::::::\n",
      "group": "ann:x:1000:old\n", "gshadow": "bobs:!::\n",
    ])
    let merge = AccountMerge(pristine: files, live: files, new: files)
    #expect(text(merge.merged)["shadow"] == "ann:!*:::::::\n")
    #expect(text(merge.merged)["gshadow"] == "ann:!::old\n")
    #expect(
      merge.remarks == [
        .repaired(.user, name: "bob"), .repaired(.user, name: "ann"), .repaired(.group, name: "bobs"),
        .repaired(.group, name: "ann"),
      ])
  }

  /// The accounts of a Debian system after a day of work, and of a generation with other packages.
  private static let machine: ThreeWayFiles = (
    pristine: [
      "passwd":
        "root:x:0:0:root:/root:/bin/bash\nmail:x:8:8:mail:/var/mail:/usr/sbin/nologin\nold:x:101:101::/:/bin/sh\n",
      "shadow": "root:*:19000:0:99999:7:::\nmail:*:19000:0:99999:7:::\nold:!:19000::::::\n",
      "group": "root:x:0:\nmail:x:8:\nsudo:x:27:\nold:x:101:\n", "gshadow": "root:*::\nmail:*::\nsudo:*::\nold:!::\n",
    ],
    live: [
      "passwd": """
      root:x:0:0:root:/root:/bin/sh
      mail:x:8:8:mail:/var/mail:/usr/sbin/nologin
      old:x:101:101::/:/bin/sh
      ann:x:1000:1000:Ann,,,:/home/ann:/bin/bash

      """,
      "shadow": """
      root:$y$j9T$a$b:19500:0:99999:7:::
      mail:*:19000:0:99999:7:::
      old:!:19000::::::
      ann:$y$j9T$c$d:19500:0:99999:7:::

      """,
      "group": "root:x:0:\nmail:x:8:old\nsudo:x:27:ann\nold:x:101:\nann:x:1000:\n",
      "gshadow": "root:*::\nmail:*::old\nsudo:*::ann\nold:!::\nann:!::\n",
    ],
    new: [
      "passwd":
        "root:x:0:0:root:/root:/bin/bash\nmail:x:8:8:mail:/var/mail:/usr/sbin/nologin\nweb:x:102:102::/:/bin/sh\n",
      "shadow": "root:*:19000:0:99999:7:::\nmail:*:19000:0:99999:7:::\n",
      "group": "root:x:0:\nmail:x:8:web\nsudo:x:27:\nweb:x:102:\n", "gshadow": "root:*::\nmail:*::web\nsudo:*::\n",
    ]
  )
  typealias ThreeWayFiles = (pristine: Files, live: Files, new: Files)

  @Test func pwckAndGrpckFindNothingWrong() throws {
    let (pristine, live, new) = Self.machine
    let merged = AccountMerge(pristine: accounts(pristine), live: accounts(live), new: accounts(new)).merged
    #expect(
      text(merged)["group"] == "root:x:0:\nmail:x:8:web,old\nsudo:x:27:ann\nweb:x:102:\nold:x:101:\nann:x:1000:\n")
    try expectChecksPass(merged)
  }

  @Test func aGroupDeletedHereStaysWhileAUserIsInIt() {
    let before = accounts(["passwd": "web:x:120:120:::\n", "group": "web:x:120:\n"])
    let live = accounts(["passwd": "web:x:120:120:::\n", "group": ""])
    let merge = AccountMerge(pristine: before, live: live, new: before)
    #expect(text(merge.merged)["group"] == "web:x:120:\n")
  }

  @Test func theSameGenerationOnceMoreChangesNothing() {
    let (pristine, live, new) = Self.machine
    let merge = AccountMerge(pristine: accounts(pristine), live: accounts(live), new: accounts(new))
    let again = AccountMerge(pristine: accounts(new), live: merge.merged, new: accounts(new))
    #expect(text(again.merged) == text(merge.merged))
  }
}
