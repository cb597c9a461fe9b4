import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// A node whose programs do not end: the others go on.
@Suite("A node that hangs", .requiresRoot, .serialized)
struct HungNodeTests {
  private static let tool = DebPackage("tool", files: ["/usr/share/tool": "hammer\n"])
  private static let other = DebPackage("other", files: ["/usr/share/other": "saw\n"])
  private static let third = DebPackage("third", files: ["/usr/share/third": "drill\n"])

  private static let packages = Result { try PackageStore(publishing: [tool, other, third]) }

  /// Replaces a program of a node by one that does not end when it gets this argument.
  private func hang(_ program: String, at word: String, in node: PackageNode) throws {
    let script = """
      #!/bin/sh
      case " $* " in *'\(word)'*) while :; do sleep 1; done;; esac
      exec \(program).real "$@"
      """
    try node.store.ast(
      ["-q", "run", "\(node.id)", "sh", "-c", "mv \(program) \(program).real; cat >\(program); chmod 755 \(program)"],
      input: script
    ).expectSuccess()
  }

  private func end(_ work: StartedCommand) throws {
    #expect(work.isRunning)
    work.send(SIGTERM)
    _ = try work.wait()
    try Self.packages.get().store.ast("tmp").expectSuccess()
  }

  @Test func anAptThatFetchesWithoutAnEndHoldsUpNobody() throws {
    let packages = try Self.packages.get()
    let hung = try PackageNode(in: packages, publishing: [Self.tool])
    try hang("/usr/bin/apt-get", at: " update ", in: hung)
    let work = try hung.start("install", "tool")
    try eventually("the apt of node \(hung.id)") { try !hung.store.processes(in: hung.id).isEmpty }
    // Another node with other sources, from the indices to the commit.
    let node = try PackageNode(in: packages, publishing: [Self.tool])
    try node.ast("install", "tool").expectSuccess()
    try node.store.ast("gc", "-y").expectSuccess()
    try end(work)
    #expect(try Consistency.problems(of: node.store) == [])
  }

  @Test func aDownloadWithoutAnEndHoldsUpNobody() throws {
    let packages = try Self.packages.get()
    let hung = try PackageNode(in: packages)
    try hang("/usr/lib/apt/apt-helper", at: "download-file", in: hung)
    let work = try hung.start("install", "third")
    let claims = "\(hung.store.root)/cache/apt/claims"
    try eventually("the download") {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: claims)) ?? []
      return try names.contains { $0.hasPrefix("sha256-") } && !hung.store.processes(in: hung.id).isEmpty
    }
    let node = try PackageNode(in: packages)
    try node.ast("install", "other").expectSuccess()
    try end(work)
    #expect(try Consistency.problems(of: node.store) == [])
  }

  /// The shell that reads the configuration of the boot loader has ten seconds, in which other nodes commit.
  @Test func aConfigurationWithoutAnEndHoldsUpNobody() throws {
    let packages = try Self.packages.get()
    let hung = try PackageNode(in: packages)
    try hung.shell(
      "mkdir -p /lib/modules/1; echo >/lib/modules/1/modules.dep; echo >/boot/vmlinuz-1; echo >/boot/initrd.img-1")
    let node = try PackageNode(in: packages)
    try node.ast("install", "-n", "tool").expectSuccess()
    let trap = "mkdir -p /etc/default; echo 'while :; do :; done' >/etc/default/grub; touch /root/done"
    let work = try hung.start("run", "sh", "-c", trap + "; sed -i s/^Version:/Version:/ /var/lib/dpkg/status")
    let directory = hung.store.root.appending("nodes/\(hung.id)")
    try eventually("the end of the program") {
      try FileManager.default.contentsOfDirectory(atPath: directory.string).contains {
        $0.hasPrefix(".")
          && FileManager.default.fileExists(atPath: directory.appending($0).appending("root/done").string)
      }
    }
    try node.ast("install", "tool").expectSuccess()
    try end(work)
    #expect(try Consistency.problems(of: node.store) == [])
  }
}
