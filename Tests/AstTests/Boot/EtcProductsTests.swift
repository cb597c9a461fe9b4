import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// What programs make of files in /etc, by Debian's own programs: at `deploy`, and of what comes along at the start.
@Suite("Products of /etc", .requiresRoot)
struct EtcProductsTests {
  private let disk: BootDisk
  private var store: TestStore { disk.store }

  /// Deployment 1 of a Debian is good and ran last.
  init() throws {
    disk = try BootDisk(withDebianOf: 4 << 30, other: .debian)
    try store.ast("clone", "0").expectSuccess()
    try store.ast("install", "-y", "1", "ca-certificates", "initramfs-tools").expectSuccess()
    let libraries = "for n in 1 2; do mkdir /usr/lib/own$n; cp /lib/*-linux-gnu/libz.so.1 /usr/lib/own$n/; done"
    try store.ast("run", "1", "sh", "-ec", "\(BootDisk.furnishing)\n\(libraries)").expectSuccess()
    try store.ast("deploy", "1").expectSuccess()
    try disk.start(1)
    try disk.markGood(1)
  }

  /// Changes the /etc of a deployment: a directory of libraries, and a certificate less.
  private func change(_ number: Int, in deployment: Int = 1) throws {
    let script = """
      cd $0; echo /usr/lib/own\(number) >ld.so.conf.d/own\(number).conf
      sed -i '0,/^mozilla/s//!mozilla/' ca-certificates.conf
      """
    try runSuccessfully(["sh", "-ec", script, disk.etc(of: deployment).string])
  }

  private func libraries(of deployment: Int) throws -> [String] {
    try runSuccessfully(["chroot", disk.root(of: deployment).string, "ldconfig", "-p"]).lines
      .filter { $0.contains("/usr/lib/own") }.map { $0.split(separator: " ").last.map(String.init) ?? "" }.sorted()
  }

  private func certificates(of deployment: Int) throws -> Int {
    try disk.lines(of: "ssl/certs/ca-certificates.crt", in: deployment).count { $0.contains("BEGIN CERTIFICATE") }
  }

  @Test func allAreMadeAndSoIsTheInitrd() throws {
    let before = try certificates(of: 1)
    try store.ast("deploy", "--no-default", "1").expectSuccess()
    #expect(try disk.read("../boot/initrd.img-\(BootDisk.version)", of: 2) == "an initrd\n")
    try change(1)
    // The setting would have the initrd made for the devices that are seen, and none are.
    let settings =
      "echo blacklist own >$0/modprobe.d/own.conf; echo MODULES=dep >$0/initramfs-tools/conf.d/driver-policy"
    try runSuccessfully(["sh", "-ec", settings, disk.etc(of: 1).string])
    let deployed = try store.ast("deploy", "1").expectSuccess()
    #expect(
      deployed.stderr.lines == [
        "ast: making a deployment of node 1", "ast: making the cache of shared libraries",
        "ast: making the bundle of certificates", "ast: making an initrd with this machine's settings",
      ])
    #expect(try libraries(of: 3) == ["/usr/lib/own1/libz.so.1"])
    #expect(try certificates(of: 3) == before - 1)
    let initrd = ["chroot", disk.root(of: 3).string, "lsinitramfs", "/boot/initrd.img-\(BootDisk.version)"]
    #expect(try runSuccessfully(initrd).lines.contains("etc/modprobe.d/own.conf"))

    // After the deploy: the libraries at once, the rest later.
    try change(2)
    #expect(try disk.start(3) == StartResult(status: 0))
    #expect(try libraries(of: 3) == ["/usr/lib/own1/libz.so.1", "/usr/lib/own2/libz.so.1"])
    #expect(try disk.read(".ast/products", of: 3) == "the bundle of certificates\n")
    #expect(try certificates(of: 3) == before - 1)
    // Another start does not forget it.
    try disk.start(1)
    try runSuccessfully(["sh", "-c", "echo >$0/more", disk.etc(of: 1).string])
    #expect(try disk.start(3) == StartResult(status: 0))
    try store.ast("boot-products", "--root", disk.root(of: 3).string).expectSuccess()
    #expect(try certificates(of: 3) == before - 2)
    #expect(!FileManager.default.fileExists(atPath: "\(disk.etc(of: 3))/.ast/products"))
    #expect(try Consistency.problems(of: store) == [])
    try librariesInDataAreFound()
    try whatCannotBeMadeIsTold()
  }

  /// Libraries that are on the machine, and in no node.
  private func librariesInDataAreFound() throws {
    try runSuccessfully([
      "sh", "-ec",
      "mkdir -p $0/vendor/lib; cp $1/usr/lib/own1/libz.so.1 $0/vendor/lib/libvendor.so.1;"
        + " printf '/srv/vendor/lib\\n/home/own/lib\\n' >$1/etc/ld.so.conf.d/vendor.conf", disk.path(of: "@srv").string,
      disk.root(of: 3).string,
    ])
    // A /home of its own is on another file system.
    try runSuccessfully(["btrfs", "subvolume", "delete", disk.path(of: "@home").string])
    // The file comes along, and is what it was the next time.
    for number in [4, 5] {
      try store.ast("deploy", "1").expectSuccess()
      let found = try runSuccessfully([
        "unshare", "--mount", "sh", "-ec", "mount --bind $0 $1/srv; exec chroot $1 ldconfig -p",
        disk.path(of: "@srv").string, disk.root(of: number).string,
      ])
      #expect(found.contains("=> /srv/vendor/lib/"), "deployment \(number): \(found)")
      try disk.start(number)
    }
    // What comes at the start is found when /srv is mounted.
    try store.ast("deploy", "1").expectSuccess()
    try runSuccessfully(["sh", "-ec", "echo /srv/vendor/lib >$0/etc/ld.so.conf.d/new.conf", disk.root(of: 5).string])
    try disk.start(6)
    #expect(try disk.read(".ast/products", of: 6) == "the cache of shared libraries\n")
  }

  /// A product that fails leaves the deployment as the node is; an initrd that fails leaves everything as it was.
  private func whatCannotBeMadeIsTold() throws {
    try store.ast("run", "1", "sh", "-ec", "ln -sf /bin/false /usr/sbin/update-ca-certificates").expectSuccess()
    let deployed = try store.ast("deploy", "1").expectSuccess()
    #expect(
      deployed.stderr.lines.filter { $0.contains("warning") } == [
        "ast: warning: the bundle of certificates could not be made: /usr/sbin/update-ca-certificates ended with "
          + "exit status 1; it stays as in node 1"
      ])
    try change(1, in: 6)
    #expect(try disk.start(7) == StartResult(status: 0))
    let made = try store.ast("boot-products", "--root", disk.root(of: 7).string)
    #expect(made.status == 1)
    #expect(made.stderr.contains("ast: not made anew: the bundle of certificates: "), "\(made)")
    #expect(try disk.read(".ast/products", of: 7) == "the bundle of certificates\n")

    try runSuccessfully(["sh", "-ec", "echo exit 1 >>$0/initramfs-tools/initramfs.conf", disk.etc(of: 7).string])
    let deployments = try DeploymentListing(store).data.map(\.deployment)
    let failed = try store.ast("deploy", "1")
    #expect(failed.status == 1)
    #expect(failed.stderr.contains("cannot make an initrd with this machine's settings: "), "\(failed)")
    #expect(try DeploymentListing(store).data.map(\.deployment) == deployments)
    #expect(try Consistency.problems(of: store) == [])
  }
}
