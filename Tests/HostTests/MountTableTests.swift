import SystemPackage
import Testing

@testable import Host

@Suite("The table of mounts")
struct MountTableTests {
  private static let table = """
    22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
    30 22 0:28 / /srv/a\\040store rw,noatime shared:7 master:2 - btrfs /dev/loop0 rw,subvol=/
    31 22 0:29 / /srv/twice rw - btrfs /dev/loop1 rw
    32 22 0:30 / /srv/twice rw - tmpfs a\\134b rw
    """

  @Test(arguments: [
    ("/", "/dev/sda1"), ("/srv/a store", "/dev/loop0"), ("/srv/twice", "a\\b"), ("/srv", nil), ("/srv/a", nil),
  ])
  func tellsWhatIsMountedLastAtADirectory(directory: FilePath, source: FilePath?) {
    #expect(MountTable.source(at: directory, in: MountTable.mounts(in: Self.table)) == source)
  }

  @Test(arguments: [
    ("/srv", "/srv/a store"), ("/srv/a store", nil), ("/srv/a", nil), ("/srv/twice", nil), ("/home", nil),
  ])
  func tellsWhatIsMountedBelowADirectory(directory: FilePath, found: FilePath?) {
    #expect(MountTable.directory(below: directory, in: MountTable.mounts(in: Self.table)) == found)
  }
}
