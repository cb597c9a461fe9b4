import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// Files of a node that ast needs while programs run: they stay the node's own.
@Suite("A node's own files", .requiresRoot, .serialized)
struct OwnFilesTests {
  /// What a program does with /etc/resolv.conf, and what `ls` and `cat` say of it in the node afterwards.
  @Test(
    arguments: [
      ("true", "-rw-r--r-- own"),
      ("ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf", "lrwxrwxrwx "),
      ("echo nameserver 192.0.2.1 >/etc/resolv.conf", "-rw-r--r-- nameserver 192.0.2.1"),
      ("echo options edns0 >>/etc/resolv.conf", "-rw-r--r-- own options edns0"),
      ("echo search a >/etc/new; mv /etc/new /etc/resolv.conf", "-rw-r--r-- search a"),
      ("rm /etc/resolv.conf; mkdir /etc/resolv.conf", "drwxr-xr-x "),
      ("dpkg-divert --add --rename /etc/resolv.conf; cp /etc/resolv.conf.distrib /etc/resolv.conf", "-rw-r--r-- own"),
      // As systemd-resolved(8) does when it is installed, and removed.
      (
        "mv /etc/resolv.conf /etc/.bak; ln -s ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf; "
          + "rm /etc/resolv.conf; mv /etc/.bak /etc/resolv.conf", "-rw-r--r-- own"
      ),
      ("chmod 600 /etc/resolv.conf", "-rw------- own"),
    ])
  func whatIsMadeOfTheNameServersStays(script: String, expected: String) throws {
    let node = try DebianNode()
    try offline(node, ["sh", "-ec", "echo own >/etc/resolv.conf"]).expectSuccess()
    let before = try node.info().generation
    try node.shell("set -e; grep -q '^nameserver' /etc/resolv.conf; \(script)").expectSuccess()
    #expect(try describe("etc/resolv.conf", in: node) == expected)
    #expect(try node.info().generation == before + (script == "true" ? 0 : 1))
    #expect(try runSuccessfully(["ls", "-A", node.content.appending("run").string]) == "lock\n")
    // Nothing of the run is left anywhere in the node.
    #expect(try run(["grep", "-rq", "name servers of this run", node.content.appending("etc").string]).status == 1)
    // The next run resolves names again.
    if !script.contains("mkdir") {
      try node.shell("grep -q 'name servers of this run' /etc/resolv.conf").expectSuccess()
    }
  }

  @Test func linkIntoRunStaysALinkUntilItIsWrittenThrough() throws {
    let node = try DebianNode()
    let target = "../run/resolvconf/resolv.conf"
    try node.run(["ln", "-sf", target, "/etc/resolv.conf"]).expectSuccess()
    let shown = try node.shell("readlink /etc/resolv.conf; grep -c 'name servers of this run' /etc/resolv.conf")
    #expect(shown.stdout == "\(target)\n1\n")
    #expect(shown.stderr == "ast: node \(node.id): nothing was changed\n")
    try node.shell("rm /etc/resolv.conf; ln -s other /etc/resolv.conf; echo x >/run/resolvconf/resolv.conf")
      .expectSuccess()
    #expect(try runSuccessfully(["readlink", node.content.appending("etc/resolv.conf").string]) == "other\n")
    try node.run(["ln", "-sf", target, "/etc/resolv.conf"]).expectSuccess()
    // As resolvconf(8) does when it is removed; this server exists only inside.
    let removing = "printf 'nameserver 192.0.0.3\\nsearch a\\n' >/etc/new; mv /etc/new /etc/resolv.conf"
    try node.shell(removing).expectSuccess()
    #expect(try describe("etc/resolv.conf", in: node) == "-rw-r--r-- search a")
    try node.run(["ln", "-sf", target, "/etc/resolv.conf"]).expectSuccess()
    try node.shell("echo nameserver 192.0.2.1 >>/etc/resolv.conf").expectSuccess()
    #expect(try describe("etc/resolv.conf", in: node) == "-rw-r--r-- nameserver 192.0.2.1")
    #expect(try runSuccessfully(["ls", "-A", node.content.appending("run").string]) == "lock\n")
  }

  /// With the machine's network, the servers are the machine's own.
  @Test func resolvconfLeavesNoServerOfTheMachineWhenItIsRemoved() throws {
    let node = try DebianNode()
    let asRemoval = "rm /etc/resolv.conf; grep -v '^#' /run/resolvconf/resolv.conf >/etc/resolv.conf"
    try node.run(["ln", "-sf", "../run/resolvconf/resolv.conf", "/etc/resolv.conf"]).expectSuccess()
    try node.shell(asRemoval).expectSuccess()
    #expect(try describe("etc/resolv.conf", in: node) == "-rw-r--r-- ")
    // What someone writes stays, even if the machine has the same.
    let own = "grep '^nameserver' /etc/resolv.conf >/etc/new; mv /etc/new /etc/resolv.conf"
    try node.shell(own).expectSuccess()
    #expect(try describe("etc/resolv.conf", in: node).contains("nameserver"))
  }

  /// policyrcd-script-zg2 and others bring their policy with update-alternatives(1), which makes no link where a file is.
  @Test func aPolicyOfAPackageGetsItsLink() throws {
    let node = try DebianNode()
    let place = "/usr/sbin/policy-rc.d"
    let install =
      "echo '#!/bin/sh' >/usr/sbin/zg-policy; chmod +x /usr/sbin/zg-policy;"
      + " update-alternatives --install \(place) policy-rc.d /usr/sbin/zg-policy 10"
    try offline(node, ["sh", "-ec", install]).expectSuccess()
    func link() throws -> CommandResult { try run(["readlink", node.content.string + place]) }
    #expect(try link().stdout == "/etc/alternatives/policy-rc.d\n")
    // Programs still meet the policy that starts nothing, and a link that the administrator removes stays away.
    #expect(
      try offline(node, ["sh", "-c", "\(place) x start; echo $?; rm \(place)"]).expectSuccess().stdout == "101\n")
    #expect(try link().status == 1)
    try offline(node, ["sh", "-ec", "ln -sf /etc/alternatives/policy-rc.d \(place)"]).expectSuccess()
    try offline(node, ["update-alternatives", "--remove", "policy-rc.d", "/usr/sbin/zg-policy"]).expectSuccess()
    #expect(try link().status == 1)
    #expect(try run(["ls", node.content.appending("etc/alternatives/policy-rc.d").string]).status == 2)
  }

  @Test func withoutANetworkAProgramMeetsTheFileItself() throws {
    let node = try DebianNode()
    try offline(node, ["sh", "-c", "echo own >/etc/resolv.conf"]).expectSuccess()
    #expect(try offline(node, ["cat", "/etc/resolv.conf"]).stdout == "own\n")
    try offline(node, ["rm", "/etc/resolv.conf"]).expectSuccess()
    #expect(try offline(node, ["ls", "/etc/resolv.conf"]).status == 2)
  }

  /// DKMS compares paths without links, and takes no module for installed otherwise.
  @Test func dkmsHasThePathOfItsStateWithoutLinks() throws {
    let node = try DebianNode()
    let asking = ". /etc/dkms/framework.conf.d/*.conf; echo \"$dkms_tree\""
    // As a deployment, where it is a link.
    let asked = try runSuccessfully([
      "chroot", node.content.string, "bash", "-ec", "\(asking); test \"$dkms_tree\" -ef /var/lib/dkms",
    ])
    #expect(asked == "/usr/lib/sysimage/dkms\n")
    // Where it is a directory, as on a system that has ast's package too, nothing changes.
    #expect(try offline(node, ["bash", "-ec", asking]).expectSuccess().stdout == "\n")
  }

  private func offline(_ node: DebianNode, _ command: [String]) throws -> CommandResult {
    try node.store.ast(["run", "--no-network", "\(node.id)"] + command)
  }

  private func describe(_ file: String, in node: DebianNode) throws -> String {
    let script = "ls -ld \"$1\" | cut -c-10; [ ! -f \"$1\" ] || cat \"$1\""
    let path = try node.content.appending(file).string
    let lines = try runSuccessfully(["sh", "-c", script, "sh", path]).lines
    return lines[0] + " " + lines.dropFirst().joined(separator: " ")
  }
}
