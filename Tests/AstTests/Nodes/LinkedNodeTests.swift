import Glibc
import SystemPackage
import TestSupport
import Testing

/// Nodes whose files are links to the host: whatever ast does with them, it stays inside.
@Suite("nodes with links to the outside", .requiresRoot, .serialized)
struct LinkedNodeTests {
  /// The path of a link, and the script that makes it in the node; `$1` is its target.
  struct Link: Sendable, CustomTestStringConvertible {
    let path: String
    let script: String
    var testDescription: String { path }
  }

  static let copyOfPackageState = "rm /var/lib/dpkg; cp -a /usr/lib/sysimage/dpkg /var/lib/dpkg;"

  static let links = [
    // Both are mount points while a program runs, so the directories around them are moved.
    Link(path: "etc/resolv.conf", script: "mv /etc /old; cp -a /old /etc; ln -sf \"$1/resolv.conf\" /etc/resolv.conf"),
    Link(path: "usr/sbin", script: "mv /usr/sbin /usr/old; ln -s \"$1\" /usr/sbin"),
    Link(path: "etc", script: "mv /etc /old; ln -s \"$1\" /etc"),
    Link(path: "var/cache/apt", script: "rm -r /var/cache/apt; ln -s \"$1\" /var/cache/apt"),
    Link(path: "etc/ast", script: "ln -s \"$1\" /etc/ast"),
    Link(path: "etc/ast/node.toml", script: "mkdir /etc/ast; ln -s \"$1/node.toml\" /etc/ast/node.toml"),
    Link(
      path: "usr/lib/sysimage", script: "\(copyOfPackageState) rm -r /usr/lib/sysimage; ln -s \"$1\" /usr/lib/sysimage"),
    Link(
      path: "usr/lib/sysimage/dpkg/status",
      script: "\(copyOfPackageState) ln -sf \"$1/dpkg/status\" /usr/lib/sysimage/dpkg/status"),
    Link(path: "etc/passwd", script: "ln -sf \"$1/passwd\" /etc/passwd"),
  ]

  @Test(arguments: links, ["", "../../../../../../../../.."])
  func nothingOutsideIsReadOrWritten(link: Link, prefix: String) throws {
    let node = try DebianNode()
    let outside = try OutsideDirectory()
    let packages = try node.info().packages
    let state = try outside.state()
    try node.shell("set -e; \(link.script)", "\(prefix)\(outside.path)").expectSuccess()

    let shown = try node.shell("cat /etc/resolv.conf; echo kept >/root/note")
    #expect(shown.status == 0)
    #expect(!shown.stdout.contains("192.0.2.1"))
    #expect(try node.store.ast("chroot", "\(node.id)", input: "echo $((1+1))\n").stdout == "2\n")
    let edited = try node.store.ast(
      "edit-conf", "\(node.id)", environment: ["EDITOR": "sh -c 'cat \"$0\"; echo \"# x\" >>\"$0\"'"])
    edited.removeDraft()
    // The initial text, and nothing from the file outside.
    #expect(edited.stdout.lines.allSatisfy { $0.hasPrefix("#") || $0.hasPrefix("[") }, "\(edited.stdout)")
    #expect([0, 1].contains(edited.status))
    #expect(try node.info().packages == packages)
    #expect(try DebianNode(cloneOf: node.id).info().packages == packages)

    #expect(try outside.state() == state)
  }

  @Test func doctorReadsNothingInNodes() throws {
    let node = try DebianNode()
    let outside = try OutsideDirectory()
    let state = try outside.state()
    for link in Self.links where ["etc/ast", "etc/passwd", "usr/lib/sysimage"].contains(link.path) {
      try node.shell("set -e; \(link.script)", outside.path.string).expectSuccess()
    }
    #expect(try node.store.ast("doctor").status == 0)
    #expect(try outside.state() == state)
  }

  @Test func readingOutsideWouldBeNoticed() throws {
    let outside = try OutsideDirectory()
    let state = try outside.state()
    try runSuccessfully(["cat", outside.path.appending("passwd").string])
    #expect(try outside.state() != state)
  }
}
