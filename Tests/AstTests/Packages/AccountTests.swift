import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// Users and groups of nodes with a real Debian: the same name has the same number in all of them.
@Suite("Accounts", .requiresRoot)
struct AccountTests {
  let store: TestStore

  init() throws {
    store = TestStore(existing: try LoopBtrfs.shared.newDirectory())
    try store.ast("init", "--tarball", try DebianRoot.archive(of: DebianRoot.suite).string).expectSuccess()
  }

  @discardableResult
  private func shell(_ node: Int, _ script: String, _ arguments: String...) throws -> CommandResult {
    try store.ast(["run", "\(node)", "sh", "-euc", script, "sh"] + arguments).expectSuccess()
  }

  /// The registered accounts, as `kind name` and number.
  private func registry() throws -> [String: Int] {
    let rows = try runSuccessfully([
      "sqlite3", "-readonly", "-separator", "=", store.database.string, "SELECT kind || ' ' || name, id FROM account",
    ])
    return Dictionary(
      uniqueKeysWithValues: rows.lines.map { line in
        let words = line.split(separator: "=")
        return (String(words[0]), Int(words[1]) ?? -1)
      })
  }

  /// The accounts of a node, as `kind name` and number; aliases of a number are left out.
  private func accounts(of node: Int) throws -> [String: Int] {
    let etc = try store.content(of: node).appending("etc")
    var accounts: [String: Int] = [:]
    for (kind, file) in [("user", "passwd"), ("group", "group")] {
      for line in try runSuccessfully(["cat", etc.appending(file).string]).lines {
        let fields = line.split(separator: ":", omittingEmptySubsequences: false)
        accounts["\(kind) \(fields[0])"] = Int(fields[2])
      }
    }
    return accounts
  }

  @Test func theBasesAccountsAreRegistered() throws {
    let registry = try registry()
    #expect(try registry == accounts(of: 0))
    #expect(registry["user root"] == 0)
    #expect(registry["group www-data"] == 33)
    #expect(registry["group nogroup"] == 65534)
  }

  @Test func siblingsAgreeAndFilesKeepTheirOwners() throws {
    let (first, second) = (try store.clone(0), try store.clone(0))
    try shell(first, "useradd --system red; useradd --system blue")
    let outside = try OutsideDirectory()
    let untouched = try outside.state()
    let made = try shell(second, Self.makesFiles, outside.path.string)
    let now = try registry()
    let (red, blue) = (try #require(now["user red"]), try #require(now["user blue"]))
    let (redGroup, blueGroup) = (try #require(now["group red"]), try #require(now["group blue"]))
    #expect(
      made.stderr.lines == [
        "ast: node \(second): changes kept as generation 2",
        """
        ast: node \(second): renumbered, as in all nodes: user blue \(red) -> \(blue), user red \(blue) -> \(red), \
        group blue \(redGroup) -> \(blueGroup), group red \(blueGroup) -> \(redGroup)
        """,
      ])
    #expect(try accounts(of: first) == now)
    #expect(try accounts(of: second) == now)

    let files = try store.content(of: second).appending("srv/t")
    #expect(
      try runSuccessfully(["find", files.string, "-printf", "%P %y %m %n %U:%G\\n"]).lines.sorted() == [
        " d 755 1 0:0", "capable f 755 1 \(red):\(redGroup)", "directory d 3770 1 \(blue):\(blueGroup)",
        "directory/inner f 600 1 \(red):\(blueGroup)", "fifo p 600 1 \(red):\(redGroup)",
        "group f 2755 1 0:\(blueGroup)", "link l 777 1 \(red):\(redGroup)", "listed f 664 1 0:0",
        "name-1 f 644 2 \(blue):\(redGroup)", "name-2 f 644 2 \(blue):\(redGroup)", "plain f 644 1 \(red):\(blueGroup)",
        "user f 4755 1 \(red):0",
      ])
    #expect(try attribute("security.capability", of: files.appending("capable")) == Self.capability)
    let list =
      "02000000" + "01000600ffffffff02000600" + hex(red) + "04000400ffffffff08000600" + hex(blueGroup)
      + "10000600ffffffff20000400ffffffff"
    #expect(try attribute("system.posix_acl_access", of: files.appending("listed")) == list)
    #expect(try attribute("system.posix_acl_default", of: files.appending("directory")) == list)
    #expect(try outside.state() == untouched)
    let passwd = try store.content(of: second).appending("etc/passwd").string
    #expect(try runSuccessfully(["stat", "--format=%a %u:%g", passwd]) == "640 0:\(blueGroup)\n")
    try shell(second, "test $(id -u red) = \(red) && test $(id -g blue) = \(blueGroup); pwck -r -q; grpck -r")
    #expect(try store.ast("doctor").expectSuccess().stdout == "")
  }

  /// The accounts in another order, and files of all kinds that belong to them. `$1` is the target of a link.
  private static let makesFiles = """
    useradd --system blue; useradd --system red
    mkdir /srv/t; cd /srv/t; touch plain user group capable name-1 listed
    chown red:blue plain; chown red:root user; chmod 4755 user; chown root:blue group; chmod 2755 group
    chmod 755 capable; chown red:red capable; chown blue:red name-1; ln name-1 name-2
    ln -s "$1/passwd" link; chown -h red:red link
    mkfifo -m 600 fifo; chown red:red fifo
    mkdir directory; touch directory/inner; chmod 600 directory/inner; chown red:blue directory/inner
    chown blue:blue directory; chmod 3770 directory
    chown root:blue /etc/passwd; chmod 640 /etc/passwd
    exec perl -e '
      use POSIX; my $set = (POSIX::uname())[4] eq "x86_64" ? 188 : 5;
      sub set { my ($file, $name, $value) = @_; syscall($set, $file, $name, $value, length $value, 0) and die "$name: $!" }
      my $none = 0xffffffff;
      my $list = pack "V(vvV)*", 2, 1, 6, $none, 2, 6, scalar(getpwnam "red"), 4, 4, $none, 8, 6, scalar(getgrnam "blue"),
        16, 6, $none, 32, 4, $none;
      set("capable", "security.capability", pack "H*", "\(capability)");
      set("listed", "system.posix_acl_access", $list);
      set("directory", "system.posix_acl_default", $list);'
    """

  /// cap_net_bind_service=ep, as linux/capability.h lays it out.
  private static let capability = "0100000200040000000000000000000000000000"

  private func attribute(_ name: String, of file: FilePath) throws -> String {
    let program = "import os, sys; print(os.getxattr(sys.argv[1], sys.argv[2]).hex())"
    return try runSuccessfully(["python3", "-c", program, file.string, name]).lines[0]
  }

  /// A number in the byte order of the disk.
  private func hex(_ number: Int) -> String {
    (0..<4).map { index in
      let byte = String(number >> (8 * index) & 0xff, radix: 16)
      return byte.count == 1 ? "0\(byte)" : byte
    }.joined()
  }

  @Test func packagesThatAreInstalledInAnotherOrderHaveTheSameAccounts() throws {
    let daemons = ["red", "blue"].map { name in
      DebPackage(
        "\(name)-daemon",
        scripts: [.postinst: "useradd --system \(name); touch /srv/\(name); chown \(name): /srv/\(name)"])
    }
    let store = try PackageStore(publishing: daemons).store
    let (first, second) = (try store.clone(0), try store.clone(0))
    for (node, names) in [(first, ["red", "blue"]), (second, ["blue", "red"])] {
      for name in names { try store.ast("--yes", "install", "\(node)", "\(name)-daemon").expectSuccess() }
    }
    for name in ["red", "blue"] {
      let owners = try [first, second].map { node in
        try runSuccessfully(["stat", "--format=%u:%g", store.content(of: node).appending("srv/\(name)").string])
      }
      #expect(owners[0] == owners[1])
    }
    let passwd = try [first, second].map { node in
      try runSuccessfully(["sort", store.content(of: node).appending("etc/passwd").string])
    }
    #expect(passwd[0] == passwd[1])
    #expect(try store.ast("doctor").expectSuccess().stdout == "")
  }

  @Test func nodesThatAreWorkedInAtTheSameTimeAgree() throws {
    let orders = ["one two three", "three two one", "two three one"]
    let nodes = try orders.map { _ in try store.clone(0) }
    let runs = try zip(nodes, orders).map { node, order in
      try store.start([
        "run", "\(node)", "sh", "-ec",
        "for name in \(order); do useradd --system $name; touch /srv/$name; chown $name: /srv/$name; done",
      ])
    }
    for run in runs { try run.wait().expectSuccess() }
    let registry = try registry()
    for node in nodes {
      #expect(try accounts(of: node) == registry)
      for name in ["one", "two", "three"] {
        let file = try store.content(of: node).appending("srv/\(name)").string
        let owner = try runSuccessfully(["stat", "--format=%u:%g", file]).lines
        #expect(owner == ["\(registry["user \(name)"] ?? -1):\(registry["group \(name)"] ?? -1)"], "\(name) in \(node)")
      }
    }
    #expect(try store.ast("doctor").expectSuccess().stdout == "")
  }

  @Test func aNodeWithNothingNewChangesNoRow() throws {
    let node = try store.clone(0)
    try shell(node, "useradd --system red")
    let registry = try registry()
    let plain = ["run", "\(node)", "touch", "/srv/file"]
    let points = try store.failPoints(of: plain)
    #expect(points.filter { $0 == "committed" }.count == 2)
    #expect(points.filter { $0.contains("account") || $0.contains("owner") } == [])
    #expect(try self.registry() == registry)
    let new = try store.failPoints(of: ["run", "\(node)", "useradd", "--system", "blue"])
    #expect(new.filter { $0 == "committed" }.count == 3)
    #expect(new.filter { $0.contains("account") || $0.contains("owner") } == ["accounts claimed"])
  }

  @Test func aTakenNumberIsReplacedByTheNextFreeOneOfItsRange() throws {
    let (first, second) = (try store.clone(0), try store.clone(0))
    try shell(first, "useradd --system --uid 500 red; useradd --system --uid 501 blue; groupadd --gid 60123 team")
    try shell(second, "useradd --system --uid 500 green; groupadd --gid 60123 other; useradd --uid 3000 guest")
    let accounts = try accounts(of: second)
    #expect(accounts["user green"] == 502)
    #expect(accounts["group other"] == 60124)
    #expect(accounts["user guest"] == 3000)
    #expect(try registry().merging(accounts) { $1 } == registry())
  }

  @Test func theRegisteredNumberWinsAndThatIsTold() throws {
    let (first, second) = (try store.clone(0), try store.clone(0))
    for node in [first, second] { try shell(node, "useradd --uid 2000 ann; touch /srv/a; chown ann: /srv/a") }
    let run = try shell(second, "usermod --uid 2500 ann; chown ann /srv/a")
    #expect(
      run.stderr.lines == [
        "ast: node \(second): changes kept as generation 3",
        "ast: node \(second): renumbered, as in all nodes: user ann 2500 -> 2000",
      ])
    let file = try store.content(of: second).appending("srv/a").string
    #expect(try runSuccessfully(["stat", "--format=%u", file]) == "2000\n")
    #expect(try accounts(of: second)["user ann"] == 2000)
    let passwd = try store.content(of: second).appending("etc/passwd").string
    #expect(try runSuccessfully(["cat", passwd]).contains("\nann:x:2000:"))
    let tree = try store.ast("tree-run", "\(second)", "usermod", "--uid", "2500", "ann")
    #expect(
      tree.stderr.lines.last == "ast: node \(second): renumbered, as in all nodes: user ann 2500 -> 2000")
  }

  @Test func namesThatShareANumberStayTogether() throws {
    let (first, second) = (try store.clone(0), try store.clone(0))
    try shell(first, "useradd --uid 2000 other")
    try shell(
      second,
      "useradd --non-unique --uid 0 toor; useradd --uid 2000 ann; useradd --non-unique --uid 2000 bob; touch /srv/a; chown bob /srv/a"
    )
    let accounts = try accounts(of: second)
    #expect(accounts["user toor"] == 0)
    #expect(accounts["user ann"] == 2001)
    #expect(accounts["user bob"] == 2001)
    let file = try store.content(of: second).appending("srv/a").string
    #expect(try runSuccessfully(["stat", "--format=%u", file]) == "2001\n")
    let registry = try registry()
    #expect(registry["user root"] == 0)
    #expect(registry["user toor"] == nil)
    #expect(registry["user bob"] == nil)
  }

  @Test func aNumberThatIsTakenByWhoKeepsItIsTold() throws {
    let store = try TestStore()
    let (first, second) = (try store.clone(0), try store.clone(0))
    let add = "for line; do echo \"$line\" >>/etc/passwd; done"
    try store.ast("run", "\(first)", "sh", "-c", add, "sh", "games:x:60:60:::").expectSuccess()
    let run = try store.ast(
      "run", "\(second)", "sh", "-c", add, "sh", "mine:x:60:60:::", "games:x:600:60:::", "free:x:601:60:::"
    ).expectSuccess()
    #expect(
      run.stderr.lines == [
        "ast: node \(second): changes kept as generation 2",
        "ast: node \(second): the user games has number 60 in other nodes; here it stays 600, because that number is taken",
      ])
    let passwd = try store.content(of: second).appending("etc/passwd").string
    #expect(
      try runSuccessfully(["cat", passwd]).lines.dropFirst() == [
        "mine:x:60:60:::", "games:x:600:60:::", "free:x:601:60:::",
      ])
  }

  @Test func aRebuildTakesTheNumbersOfTheNodesInTheirOrder() throws {
    let (first, second) = (try store.clone(0), try store.clone(0))
    try shell(first, "useradd --system red")
    // As if the second node were from another store, where the same number was assigned.
    try runSuccessfully(["sqlite3", store.database.string, "DELETE FROM account WHERE name = 'red'"])
    try shell(second, "useradd --system blue; touch /srv/b; chown blue: /srv/b")
    let (before, other) = (try accounts(of: first), try accounts(of: second))
    #expect(before["user red"] == other["user blue"])

    try runSuccessfully(["sh", "-c", "rm \"$1\"*", "sh", store.database.string])
    try store.ast("doctor", "--rebuild").expectSuccess()
    let rebuilt = try registry()
    #expect(rebuilt.filter { before.keys.contains($0.key) } == before)
    #expect(Set(rebuilt.keys) == Set(before.keys).union(other.keys))
    try shell(second, "touch /srv/c")
    #expect(try accounts(of: second)["user blue"] == rebuilt["user blue"])
    let file = try store.content(of: second).appending("srv/b").string
    #expect(try runSuccessfully(["stat", "--format=%u", file]) == "\(rebuilt["user blue"] ?? -1)\n")
    #expect(try store.ast("doctor").expectSuccess().stdout == "")
  }
}
