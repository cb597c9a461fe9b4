import Glibc
import Store
import SystemPackage
import TestSupport
import Testing

/// By what a store is told from others.
@Suite(.requiresRoot) struct StoreIdentityTests {
  /// Stores need not be subvolumes.
  @Test func eachDirectoryHasItsOwn() throws {
    let subvolume = try LoopBtrfs.shared.newDirectory()
    let (one, two, link) = (subvolume.appending("one"), subvolume.appending("two"), subvolume.appending("link"))
    for directory in [one, two] { #expect(mkdir(directory.string, 0o755) == 0) }
    #expect(symlink(one.string, link.string) == 0)
    let other = try LoopBtrfs.shared.newDirectory()
    let identities = [subvolume, one, two, other].map(Store.identity(of:))
    #expect(Set(identities.compactMap(\.self)).count == identities.count)
    #expect(Store.identity(of: link) == Store.identity(of: one))
    #expect(Store.identity(of: "/proc") == nil && Store.identity(of: "/nonexistent") == nil)
  }
}
