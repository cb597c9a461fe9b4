import FoundationEssentials
import Glibc
import SnapshotTree
import SystemPackage
import TestSupport
import Testing

/// `adopt --forget`: the old system is deleted, except its boot loader, and only if nothing uses it.
@Suite("adopt --forget", .requiresRoot)
struct ForgetAdoptionTests {
  typealias Layout = AdoptableDisk.Layout

  @Test(arguments: Layout.allCases) func onlyTheBootLoaderStays(layout: Layout) throws {
    let disk = try proven(layout)
    // systemd makes such subvolumes, and leaves them empty as a rule.
    try runSuccessfully(["rm", disk.root.appending("var/lib/machines/file").string])
    let grub = try listing(disk.root.appending("boot/grub"))
    let inner = try disk.subvolumes.filter { $0.hasSuffix("var/lib/machines") && !$0.hasPrefix("@var") }
    // The deployment is good by now, so that the base of its /etc is not needed.
    let old = inner + ["@snapshots/bases/1.1"]
    let (subvolumes, data) = (try disk.subvolumes.filter { !old.contains($0) }, try self.data(of: disk))
    let result = try disk.inDeployment("--forget", "-y").expectSuccess()
    let place = layout == .top ? "/boot/grub" : "/\(disk.subvolume)/boot/grub"
    #expect(
      result.stdout == "\"Debian before ast\" was deleted, except \(place): this machine starts from it.\n")
    let left = try runSuccessfully(["sh", "-c", "ls -A; ls -A boot"], in: disk.root).split(separator: "\n")
    #expect(left.filter { !$0.hasPrefix("@") } == ["boot", "grub"])
    #expect(try listing(disk.root.appending("boot/grub")) == grub)
    #expect(try disk.subvolumes == subvolumes && self.data(of: disk) == data)
    #expect(try !disk.menu.contains("Debian before ast"))
    #expect(try Consistency.problems(of: disk.store) == [])

    let undone = try disk.inDeployment("--undo")
    #expect(undone.status == 5 && undone.stderr.hasPrefix("ast: the system that was there before ast is gone"))
    #expect(disk.customFile != nil)
    try disk.inDeployment("--forget", "-y").expectSuccess()
  }

  @Test func killedItIsDoneAgain() throws {
    let disk = try proven(.installer)
    try runSuccessfully(["btrfs", "subvolume", "delete", disk.root.appending("var/lib/machines").string])
    let trace = FilePath("/tmp/ast-forget-trace-\(getpid())")
    defer { unlink(trace.string) }
    try disk.inDeployment("--forget", "-y", environment: ["AST_FAIL_TRACE": trace.string]).expectSuccess()
    let points = try String(contentsOfFile: trace.string, encoding: .utf8).split(separator: "\n")
    #expect(points.count > 10)
    // Of fail points that are passed many times in a row, only the first and the last.
    for index in points.indices
    where points.firstIndex(of: points[index]) == index
      || points.lastIndex(of: points[index]) == index
    {
      let disk = try proven(.installer)
      try runSuccessfully(["btrfs", "subvolume", "delete", disk.root.appending("var/lib/machines").string])
      let (data, old) = (try self.data(of: disk), try disk.checksum())
      let killed = try disk.inDeployment("--forget", "-y", environment: ["AST_FAIL_AT": "\(index + 1)"])
      #expect(killed.signal == SIGKILL, "\(killed)")
      // While a menu has the old system, that system must be complete.
      #expect(try !disk.menu.contains("Debian before ast") || disk.checksum() == old, "\(points[index])")
      try disk.inDeployment("--forget", "-y").expectSuccess()
      #expect(try runSuccessfully(["ls", "-A", disk.root.string]) == "boot\n")
      #expect(try self.data(of: disk) == data && Consistency.problems(of: disk.store) == [], "\(points[index])")
    }
  }

  @Test func aFullDiskIsNotInTheWay() throws {
    let disk = try proven(.installer)
    try runSuccessfully(["btrfs", "subvolume", "delete", disk.root.appending("var/lib/machines").string])
    let fill = "for size in 1M 4k 512; do dd if=/dev/zero of=@srv/ballast-$size bs=$size conv=fsync; sync -f .; done"
    _ = try run(["sh", "-c", fill], in: disk.top)
    #expect(try run(["sh", "-c", "head -c 20M /dev/zero >@srv/more && sync -f ."], in: disk.top).status != 0)
    try disk.inDeployment("--forget", "-y").expectSuccess()
    #expect(try runSuccessfully(["ls", "-A", disk.root.string]) == "boot\n")
    #expect(try !disk.menu.contains("Debian before ast"))
  }

  @Test func whatSomebodyMayNeedStays() throws {
    let disk = try AdoptableDisk(.installer)
    #expect(try disk.adopt("--forget", "-y").status == 3)
    try disk.adopt("-y").expectSuccess()
    let before = try disk.checksum()
    func expectRefused(_ result: CommandResult, _ reason: String) throws {
      #expect(result.status == 5, "\(result)")
      #expect(result.stderr.hasPrefix("ast: \(reason)"), "\(result)")
      #expect(result.stderr.contains("; nothing was changed"))
      #expect(try disk.checksum() == before && disk.menu.contains("Debian before ast"))
    }
    try expectRefused(disk.adopt("--forget", "-y"), "no deployment is running")
    try expectRefused(disk.inDeployment("--forget", "-y"), "deployment 1 has not come up yet")
    try disk.start().expectSuccess()
    try markGood(disk)
    try expectRefused(disk.adopt("--forget", "-y", root: disk.root), "no deployment is running")
    try expectRefused(
      disk.inDeployment("--forget", "-y"), "there are subvolumes inside the old system: /@rootfs/var/lib/machines;")
    try runSuccessfully(["rm", disk.root.appending("var/lib/machines/file").string])
    #expect(try disk.inDeployment("--forget").status == 2)
    let mounted = FilePath("/run/ast-old-\(getpid())")
    try runSuccessfully(["mkdir", mounted.string])
    defer { _ = try? run(["sh", "-c", "umount $0; rmdir $0", mounted.string]) }
    try runSuccessfully(["mount", "--bind", disk.root.appending("home/anna").string, mounted.string])
    try expectRefused(disk.inDeployment("--forget", "-y"), "a part of the old system is mounted at \(mounted);")
    try runSuccessfully(["umount", mounted.string])
    try disk.adopt("--undo").expectSuccess()
    try expectRefused(disk.inDeployment("--forget", "-y"), "the adoption was taken back")
  }

  /// A disk whose deployment has started, and is known to be good.
  private func proven(_ layout: Layout) throws -> AdoptableDisk {
    let disk = try AdoptableDisk(layout)
    try disk.adopt("-y").expectSuccess()
    try disk.start().expectSuccess()
    try markGood(disk)
    return disk
  }

  private func markGood(_ disk: AdoptableDisk) throws {
    let tree = try TreeDatabase(opening: disk.store.database, .writing)
    try tree.write { try $0.setState(.good, of: DeploymentID(1)) }
  }

  private func data(of disk: AdoptableDisk) throws -> String {
    try runSuccessfully(["sh", "-c", "ls -lRA --time-style=full-iso @var @home @root @srv | cksum"], in: disk.top)
  }

  private func listing(_ directory: FilePath) throws -> String {
    try runSuccessfully(["sh", "-c", "ls -lRA --time-style=full-iso; find . -type f -exec cksum {} +"], in: directory)
  }
}
