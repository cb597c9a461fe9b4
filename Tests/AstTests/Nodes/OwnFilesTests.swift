import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// Files of a node whose programs expect them elsewhere.
@Suite("A node's own files", .requiresRoot, .serialized)
struct OwnFilesTests {
  /// DKMS compares paths without links, and takes no module for installed otherwise.
  @Test func dkmsHasThePathOfItsStateWithoutLinks() throws {
    let node = try DebianNode()
    let asking = ". /etc/dkms/framework.conf.d/*.conf; echo \"$dkms_tree\""
    let asked = try offline(node, ["bash", "-ec", asking + "; test \"$dkms_tree\" -ef /var/lib/dkms"]).expectSuccess()
    #expect(asked.stdout == "/usr/lib/sysimage/dkms\n")
    // On a system where it is a directory, which can have ast's package too, nothing changes.
    let plain = try offline(node, ["bash", "-ec", "rm /var/lib/dkms; mkdir /var/lib/dkms; \(asking); exit 3"])
    #expect(plain.stdout == "\n" && plain.status == 3)
  }

  private func offline(_ node: DebianNode, _ command: [String]) throws -> CommandResult {
    try node.store.ast(["run", "--no-network", "\(node.id)"] + command)
  }
}
