import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// Debian's own packages from its archive, for cases that made-up packages do not cover.
///
/// Downloads are kept small. Without the archive nothing is tested, and the log says why.
@Suite(
  "Debian's archive", .requiresRoot, .serialized,
  .enabled("its archive cannot be reached") { RealArchive.isReachable })
struct RealArchiveTests {
  // MARK: Packages

  @Test(arguments: RealArchive.releases)
  func packagesComeAndGo(release: String) throws {
    let node = try RealArchive.node(release)
    try node.ast("install", "hello", "nano").expectSuccess()
    #expect(try node.shell("hello; nano --version | head -n 1").first == "Hello, world!")
    #expect(try node.shell("dpkg --verify; dpkg --audit") == [])
    try node.ast("hold", "hello").expectSuccess()
    #expect(try node.ast("hold").stdout.hasPrefix("hello:"))
    try node.ast("unhold", "hello").expectSuccess()
    try node.ast("upgrade").expectSuccess()
    #expect(try node.ast("upgrade", "--simulate").expectSuccess().stdout == "Nothing to do.\n")
    try node.ast("remove", "--purge", "--auto-remove", "hello", "nano").expectSuccess()
    #expect(try node.added().count { $0.hasPrefix("hello:") || $0.hasPrefix("nano:") } == 0)
    #expect(try node.text(of: "etc/nanorc") == nil)
  }

  @Test(arguments: RealArchive.releases)
  func fileFromTheArchiveIsInstalled(release: String) throws {
    let node = try RealArchive.node(release)
    let source = try node.clone()
    // apt's own user may not write there, and apt says so.
    let download = "apt-get -qq -o APT::Sandbox::User=root download hello"
    try source.shell("cd /root && apt-get -qq update && \(download) && mv hello_*.deb hello.deb")
    let place = try LoopBtrfs.shared.newDirectory()
    try runSuccessfully(["cp", "\(source.content)/root/hello.deb", place.string])
    try node.ast("install", "\(place)/hello.deb").expectSuccess()
    #expect(try node.shell("hello") == ["Hello, world!"])
  }

  // MARK: Services and accounts

  @Test(arguments: RealArchive.releases)
  func daemonIsEnabledAndNotStarted(release: String) throws {
    let node = try RealArchive.node(release)
    try node.ast("install", "--no-install-recommends", "openssh-server").expectSuccess()
    let link = "/etc/systemd/system/multi-user.target.wants/ssh.service"
    #expect(try node.shell("readlink \(link)").first?.hasSuffix("/systemd/system/ssh.service") == true)
    #expect(try node.store.processes(in: node.id) == [])
    #expect(try node.shell("ls /etc/ssh/ssh_host_ed25519_key") == ["/etc/ssh/ssh_host_ed25519_key"])
    let number = try node.shell("id --user sshd").first
    let query = "SELECT id FROM account WHERE kind = 'user' AND name = 'sshd'"
    let registered = try runSuccessfully(["sqlite3", "-readonly", node.store.database.string, query]).lines.first
    #expect(number != nil && number == registered)
    // The next node gives it the same number, whatever numbers it has assigned before.
    let other = try RealArchive.node(release)
    try other.ast("run", "adduser", "--system", "--group", "earlier")
    try other.ast("install", "--no-install-recommends", "openssh-server").expectSuccess()
    #expect(try other.shell("id --user sshd").first == number)
    #expect(try Consistency.problems(of: node.store) == [])
  }

  // MARK: Kernels and boot loaders

  @Test(arguments: RealArchive.releases)
  func kernelComesWithItsInitrdAndGoes(release: String) throws {
    let node = try RealArchive.node(release)
    let host = try HostBoot()
    let architecture = try AptRepository.architecture
    if architecture == "amd64" {
      try node.ast("install", "--no-install-recommends", "grub-pc", "grub-efi-amd64-bin").expectSuccess()
      try node.shell("mkdir -p /boot/grub && echo '# mine' >/boot/grub/grub.cfg")
    }
    let kernel = "linux-image-cloud-\(architecture)"
    try node.ast("install", "--no-install-recommends", kernel, "initramfs-tools").expectSuccess()
    let version = try #require(node.shell("ls /lib/modules").first)
    #expect(
      try node.shell("cd /boot && ls vmlinuz-* initrd.img-*") == ["initrd.img-\(version)", "vmlinuz-\(version)"])
    #expect(try node.shell("test -s /boot/initrd.img-\(version) && ls /lib/modules/\(version)/modules.dep").count == 1)
    #expect(try node.shell("dpkg --verify | grep -v ' c ' || :; dpkg --audit") == [])
    if architecture == "amd64" {
      try node.shell("apt-get -qq update; DEBIAN_FRONTEND=noninteractive apt-get -qq install --reinstall grub-pc")
      #expect(try node.text(of: "boot/grub/grub.cfg") == "# mine\n")
    }
    try node.ast("remove", "--purge", kernel, "linux-image-\(version)").expectSuccess()
    #expect(try node.shell("ls /boot | grep -e vmlinuz -e initrd || :; ls /lib/modules | cat") == [])
    if architecture == "amd64" {
      try node.ast("remove", "--yes", "--purge", "--auto-remove", "grub-pc", "grub-efi-amd64-bin").expectSuccess()
      #expect(try node.added().filter { $0.hasPrefix("grub") } == [])
    }
    #expect(try HostBoot() == host)
    #expect(try Consistency.findingsOfDoctor(node.store) == [])
  }

  /// Initrds that Debian's own programs make and compress.
  @Test(arguments: [
    ("initramfs-tools", "echo MODULES=list >/etc/initramfs-tools/conf.d/list"),
    ("dracut", "echo 'omit_drivers+=\" btrfs \"' >/etc/dracut.conf.d/own.conf"),
  ])
  func initrdIsLookedInto(maker: String, leavingOut: String) throws {
    let node = try RealArchive.node("trixie")
    func install(_ packages: String...) throws -> String {
      try node.store.ast(["install", "--no-install-recommends", "\(node.id)"] + packages).expectSuccess().stderr
    }
    let kernel = "linux-image-cloud-\(try AptRepository.architecture)"
    #expect(try !install(kernel, maker, "zstd").contains("warning"))
    try node.shell(leavingOut)
    #expect(
      try install("mdadm").contains(
        "lacks btrfs.ko: the root could not be mounted; `ast install \(node.id) btrfs-progs`"))
    #expect(try !install("hello").contains("warning"))
  }

  // MARK: Releases

  @Test func releaseIsUpgradedInOneTransaction() throws {
    let node = try RealArchive.node("bookworm")
    let original = try RealArchive.originalNode("bookworm")
    let before = try TestStore.checksum(of: original.content)
    try node.shell("sed -i s/bookworm/trixie/g /etc/apt/sources.list")
    let operations = try node.history().count
    try node.ast("upgrade").expectSuccess()
    #expect(try node.history().count == operations + 1)
    #expect(try node.shell(". /etc/os-release; echo $VERSION_CODENAME") == ["trixie"])
    #expect(try node.shell("dpkg --audit; apt-get -qq check") == [])
    #expect(try node.ast("upgrade", "--simulate").expectSuccess().stdout == "Nothing to do.\n")
    #expect(try TestStore.checksum(of: original.content) == before)
    #expect(try original.shell(". /etc/os-release; echo $VERSION_CODENAME") == ["bookworm"])
    #expect(try Consistency.findingsOfDoctor(node.store) == [])
  }
}

/// The boot files of this machine that a package could change.
private struct HostBoot: Equatable {
  let files: String
  let sectors: String

  init() throws {
    files = try runSuccessfully(["find", "/boot", "/etc/default", "-printf", "%p %y %s %T@ %m %U:%G %l\\n"])
    let script = """
      lsblk --nodeps --noheadings --paths --list --output NAME,TYPE | while read -r name type; do
        if [ "$type" = disk ]; then head -c 1048576 "$name" | sha256sum; fi
      done
      """
    sectors = try runSuccessfully(["sh", "-c", script])
  }
}

/// Stores with releases of Debian whose apt knows what its archive has.
enum RealArchive {
  static let releases = ["trixie", "bookworm"]

  /// A new copy of a release's node.
  static func node(_ release: String) throws -> PackageNode { try originalNode(release).clone() }

  /// The node that the others are copies of.
  static func originalNode(_ release: String) throws -> PackageNode {
    try (release == "trixie" ? trixie : bookworm).get()
  }

  /// The answer of the archive, asked once by the apt of the first release.
  static let isReachable: Bool = {
    do {
      _ = try trixie.get()
      return true
    } catch {
      print("Debian's archive: \(error)")
      return false
    }
  }()

  private static let trixie = Result { try newNode("trixie") }
  private static let bookworm = Result { try newNode("bookworm") }

  /// Kernels and whole releases are too large for the memory where other tests have their stores.
  private static let disk = Result { try LoopBtrfs.onDisk(size: 24 << 30) }

  private static func newNode(_ release: String) throws -> PackageNode {
    let store = TestStore(existing: try disk.get().newDirectory())
    try store.ast("init", "--tarball", try DebianRoot.archive(of: release).string).expectSuccess()
    let node = try PackageNode(withSourcesOf: store)
    try node.ast("refresh").expectSuccess()
    return node
  }
}
