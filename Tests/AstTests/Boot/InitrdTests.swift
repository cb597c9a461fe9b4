import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// Initrds that lack what the root needs: a warning when packages are changed, a refusal when the node is deployed.
@Suite("Initrds that are looked into", .requiresRoot, .serialized) struct InitrdTests {
  private static let version = BootDisk.version
  private static let module = "usr/lib/modules/\(version)/kernel/fs/btrfs/btrfs.ko.xz"
  private static let lacking = CpioArchive.bytes(["init"])
  private static let complete = CpioArchive.bytes(["init", module], content: "module")
  private static let modulesList = "kernel/fs/btrfs/btrfs.ko.xz: kernel/lib/raid6/raid6_pq.ko.xz\n"

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  private func setInitrd(_ bytes: [UInt8], in store: TestStore) throws {
    try store.ast(
      ["-q", "run", "1", "sh", "-c", "cat >/boot/initrd.img-\(Self.version)"], input: Self.text(bytes)
    ).expectSuccess()
  }

  @Test func aNodeWhoseInitrdLacksBtrfsIsNotDeployed() throws {
    let disk = try BootDisk()
    let store = disk.store
    try store.ast(
      ["-q", "run", "1", "sh", "-c", "cat >/lib/modules/\(Self.version)/modules.dep"], input: Self.modulesList
    ).expectSuccess()
    try setInitrd(Self.lacking, in: store)
    let before = try MenuFiles(of: store).texts
    let refusal = """
      ast: the initrd of the kernel \(Self.version) in node 1 lacks btrfs.ko: the root could not be mounted; nothing was changed
           `ast install 1 btrfs-progs` brings it

      """
    for words in [["deploy", "1"], ["deploy", "-n", "1"], ["-q", "deploy", "--once", "1"]] {
      let result = try store.ast(words)
      #expect(result.status == 5)
      #expect(result.stderr.hasSuffix(refusal), "\(result)")
    }
    #expect(try MenuFiles(of: store).texts == before)
    #expect(try DeploymentListing(store).data.isEmpty)
    #expect(try Consistency.problems(of: store) == [])

    // With the package there, and a program that makes initrds, the initrd has to be made anew.
    try store.ast(
      ["-q", "run", "1", "sh", "-c", "touch /usr/sbin/mkinitramfs; cat >>/var/lib/dpkg/status"],
      input: "\nPackage: btrfs-progs\nStatus: install ok installed\nArchitecture: amd64\nVersion: 6.14\n"
    ).expectSuccess()
    let result = try store.ast("deploy", "1")
    #expect(result.status == 5)
    #expect(
      result.stderr.hasSuffix(
        """
             `ast run 1 mkinitramfs -o /boot/initrd.img-\(Self.version) \(Self.version)` makes it anew; if it lacks the same again, look at MODULES in /etc/initramfs-tools in the node

        """), "\(result)")

    try setInitrd(Self.complete, in: store)
    let deployed = try store.ast("deploy", "1").expectSuccess()
    #expect(deployed.stderr == "ast: making a deployment of node 1\n")
    #expect(try Consistency.problems(of: store) == [])
  }

  @Test func anInitrdOfAnotherKindIsDeployedWithAWarning() throws {
    let disk = try BootDisk()
    let store = disk.store
    try store.ast(
      ["-q", "run", "1", "sh", "-c", "cat >/lib/modules/\(Self.version)/modules.dep"], input: Self.modulesList
    ).expectSuccess()
    let deployed = try store.ast("deploy", "1").expectSuccess()
    #expect(
      deployed.stderr == """
        ast: making a deployment of node 1
        ast: warning: the initrd of the kernel \(Self.version) in node 1 cannot be looked into: it is neither an archive of cpio(5) nor compressed in a way that is known

        """)
    #expect(try Consistency.problems(of: disk.store) == [])
  }

  /// A kernel with an initrd, as a package.
  private static func kernel(_ number: String, _ initrd: [UInt8]) -> DebPackage {
    DebPackage(
      "kernel", version: number,
      files: [
        "/boot/vmlinuz-\(version)": "a kernel", "/boot/initrd.img-\(version)": DebPackage.File(text(initrd)),
        "/usr/lib/modules/\(version)/modules.dep": DebPackage.File(modulesList),
      ])
  }

  @Test func aChangeOfPackagesWarnsOfAnInitrdThatItHasMade() throws {
    let node = try PackageNode(
      in: PackageStore(),
      publishing: [Self.kernel("1.0", Self.lacking), Self.kernel("2.0", Self.complete), DebPackage("other")])
    func warnings(_ words: String...) throws -> [String] {
      try node.store.ast([words[0], "-y", "\(node.id)"] + words.dropFirst()).expectSuccess()
        .stderr.lines.filter { $0.contains("warning") || $0.hasPrefix("     ") }
    }
    let warning =
      "ast: warning: the initrd of the kernel \(Self.version) in node \(node.id) lacks btrfs.ko: the root could not be"
      + " mounted; `ast install \(node.id) btrfs-progs` brings it"
    #expect(try warnings("install", "kernel=1.0") == [warning])
    // The same initrd is not looked into again.
    #expect(try warnings("install", "other") == [])
    #expect(try warnings("upgrade") == [])
  }
}
