import Btrfs
import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

@Suite(.requiresRoot) struct FileSystemTests {
  let directory: FilePath

  init() throws {
    directory = try LoopBtrfs.shared.newDirectory()
  }

  @Test func isBtrfsHoldsForEveryPathOnIt() throws {
    try directory.appending("plain").makeDirectory()
    try directory.appending("file").write(1)
    #expect(try FileSystem.isBtrfs(directory))
    #expect(try FileSystem.isBtrfs(directory.appending("plain")))
    #expect(try FileSystem.isBtrfs(directory.appending("file")))
    #expect(try !FileSystem.isBtrfs(directory.appending("missing")))
    #expect(try !FileSystem.isBtrfs("/dev/shm"))
    #expect(try !FileSystem.isBtrfs("/proc/self"))
  }

  @Test func uuidIsTheOneTheToolShows() throws {
    let shown = try runSuccessfully(["findmnt", "-n", "-o", "UUID", LoopBtrfs.shared.root.string])
    let uuid = try FileSystem.uuid(of: directory)
    #expect(shown == uuid.uuidString.lowercased() + "\n")
    expectFailure(.notBtrfs) { try FileSystem.uuid(of: "/dev/shm") }
    expectFailure(.notFound) { try FileSystem.uuid(of: directory.appending("missing")) }
  }

  @Test func isReadOnlyIsAboutTheMount() throws {
    let other = try LoopBtrfs.small()
    defer { other.remove() }
    #expect(try !FileSystem.isReadOnly(other.root))
    try other.remount("ro")
    #expect(try FileSystem.isReadOnly(other.root))
    try Subvolume(at: directory).setReadOnly(true)
    #expect(try !FileSystem.isReadOnly(directory))
    expectFailure(.notFound) { try FileSystem.isReadOnly(directory.appending("missing")) }
  }

  // MARK: sync

  @Test func syncCommitsTheTransaction() throws {
    let subvolume = try Subvolume.create(at: directory.appending("s"))
    try subvolume.path.appending("file").write(1 << 20)
    #expect(try subvolume.referencedBytes() == 0)
    try FileSystem.sync(directory)
    #expect(try subvolume.referencedBytes() == 1 << 20)
  }

  @Test func syncWorksOnOtherFileSystemsAndReadOnlyOnes() throws {
    try FileSystem.sync("/dev/shm")
    let other = try LoopBtrfs.small()
    defer { other.remove() }
    try other.remount("ro")
    try FileSystem.sync(other.root)
    expectFailure(.notFound) { try FileSystem.sync(directory.appending("missing")) }
  }

  @Test func syncReportsAFileSystemThatCouldNotWrite() throws {
    // A disk that has less room than it claims: an image on a full tmpfs.
    let claim = directory.appending("claim")
    let mount = directory.appending("mount")
    try claim.makeDirectory()
    try mount.makeDirectory()
    try runSuccessfully(["mount", "-t", "tmpfs", "-o", "size=40m", "none", claim.string])
    defer { umount2(claim.string, Int32(MNT_DETACH)) }
    try runSuccessfully(["truncate", "-s", "256M", claim.appending("image").string])
    try runSuccessfully(["mkfs.btrfs", "-q", "-m", "single", claim.appending("image").string])
    try runSuccessfully(["mount", "-o", "loop", claim.appending("image").string, mount.string])
    defer { umount2(mount.string, Int32(MNT_DETACH)) }

    try FileSystem.sync(mount)
    try mount.appending("file").write(80 << 20)
    #expect(throws: BtrfsError.self) { try FileSystem.sync(mount) }
    // Metadata finds no room either: btrfs gives up, and goes on saying so.
    for number in 0..<20 where try !FileSystem.isReadOnly(mount) {
      try? mount.appending("more \(number)").write(1 << 20)
      try? FileSystem.sync(mount)
    }
    try #require(try FileSystem.isReadOnly(mount))
    expectFailure(.readOnly) { try FileSystem.sync(mount) }
  }

  // MARK: waiting

  @Test func waitingForDeletionsEndsWhenNothingIsLeft() throws {
    let other = try LoopBtrfs.small()
    defer { other.remove() }
    #expect(try FileSystem.waitForDeletions(on: other.root))
    for number in 0..<3 {
      let subvolume = try Subvolume.create(at: other.root.appending("\(number)"))
      try subvolume.path.appending("file").write(1 << 20)
      try subvolume.delete()
    }
    #expect(try FileSystem.waitForDeletions(on: other.root))
    #expect(try runSuccessfully(["btrfs", "subvolume", "list", "-d", other.root.string]) == "")
  }

  @Test func waitingForDeletionsGivesUpAtItsLimit() throws {
    let other = try LoopBtrfs.small(size: 512 << 20)
    defer { other.remove() }
    let subvolume = try Subvolume.create(at: other.root.appending("s"))
    // An open file keeps a deleted subvolume.
    try subvolume.path.appending("file").write(1)
    let file = try FileDescriptor.open(subvolume.path.appending("file"), .readOnly)
    try subvolume.delete()
    #expect(try !FileSystem.waitForDeletions(on: other.root, atMost: .milliseconds(50)))
    try file.close()
    #expect(try FileSystem.waitForDeletions(on: other.root))
  }

  @Test func waitingForDeletionsIsRefusedWhereTheyNeverEnd() throws {
    let other = try LoopBtrfs.small()
    defer { other.remove() }
    try other.remount("ro")
    expectFailure(.readOnly) { try FileSystem.waitForDeletions(on: other.root) }
    expectFailure(.notBtrfs) { try FileSystem.waitForDeletions(on: "/dev/shm") }
    expectFailure(.notFound) { try FileSystem.waitForDeletions(on: directory.appending("missing")) }
  }

  // MARK: users

  @Test func usersWithoutPrivilegesMayLook() async throws {
    try Subvolume(at: directory).setReadOnly(true)
    let path = directory.string
    await #expect(processExitsWith: .success) { [path = path as String] in
      guard setgid(65534) == 0, setuid(65534) == 0 else { exit(1) }
      let directory = FilePath(path)
      guard try Subvolume(at: directory).info().isReadOnly, try FileSystem.space(of: directory).size > 0 else {
        exit(2)
      }
      guard try FileSystem.isBtrfs(directory), try Subvolume.isSubvolume(at: directory) else { exit(3) }
      _ = try FileSystem.uuid(of: directory)
      do {
        _ = try Subvolume(at: directory).referencedBytes()
        exit(4)
      } catch let error as BtrfsError where error.code == .notPermitted {
        exit(0)
      }
    }
  }
}
