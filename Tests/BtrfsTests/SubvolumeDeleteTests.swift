import Btrfs
import Glibc
import SystemPackage
import TestSupport
import Testing

@Suite(.requiresRoot) struct SubvolumeDeleteTests {
  let directory: FilePath
  let top: Subvolume

  init() throws {
    directory = try LoopBtrfs.shared.newDirectory()
    top = try Subvolume.create(at: directory.appending("top"))
  }

  @Test func nestedListsEverythingBelowDeepestFirst() throws {
    let paths = try makeNested(["a", "a/b", "a/b/c", "plain/d"])
    let nested = try top.nested()
    #expect(Set(nested) == Set(paths))
    for path in nested {
      let below = nested.drop { $0 != path }.dropFirst()
      #expect(below.allSatisfy { !$0.starts(with: path) }, "\(path) comes before what is in it")
    }
    #expect(try Subvolume(at: directory.pushing("top/a/b")).nested() == [paths[2]])
  }

  @Test func nestedIsOnlyForSubvolumes() throws {
    try makeNested(["plain/d"])
    expectFailure(.notASubvolume) { try Subvolume(at: top.path.appending("plain")).nested() }
    expectFailure(.notFound) { try Subvolume(at: top.path.appending("missing")).nested() }
    expectFailure(.notBtrfs) { try Subvolume(at: "/dev/shm").nested() }
  }

  @Test(arguments: [true, false])
  func deleteRemovesASubvolumeWithItsFiles(_ readOnly: Bool) throws {
    try top.path.appending("file").write(100_000)
    try top.setReadOnly(readOnly)
    try top.delete()
    #expect(!top.path.exists)
    #expect(directory.exists)
    expectFailure(.notFound) { try top.delete() }
  }

  @Test func deleteTakesNestedSubvolumesReadOnlyOrNot() throws {
    let paths = try makeNested(["a", "a/b", "a/b/c", "plain/d", "e"])
    for path in paths.reversed() where path != paths[3] { try Subvolume(at: path).setReadOnly(true) }
    try top.setReadOnly(true)
    try top.delete()
    #expect(!top.path.exists)
    #expect(try Subvolume(at: directory).nested() == [])
  }

  @Test func deleteTakesDeepNesting() throws {
    var path = top.path
    for level in 0..<60 {
      path = path.appending("level \(level)")
      try Subvolume.create(at: path)
    }
    #expect(try top.nested().count == 60)
    try top.delete()
    #expect(!top.path.exists)
  }

  @Test(arguments: ["+i", "+a", "+ia"], [true, false])
  func deleteTakesAProtectedTopDirectory(attributes: String, isReadOnly: Bool) throws {
    try runSuccessfully(["chattr", attributes, top.path.string])
    try top.setReadOnly(isReadOnly)
    try top.delete()
    #expect(!top.path.exists)
  }

  @Test func removedProtectionLeavesReadOnlyAsItWas() throws {
    for isReadOnly in [true, false] {
      try runSuccessfully(["chattr", "+i", top.path.string])
      try top.setReadOnly(isReadOnly)
      #expect(try top.removeProtection())
      #expect(try !top.removeProtection())
      #expect(try top.info().isReadOnly == isReadOnly)
      try top.setReadOnly(false)
    }
  }

  @Test func deleteTakesManyNestedOnes() throws {
    for number in 0..<200 { try Subvolume.create(at: top.path.appending("\(number)")) }
    try top.delete()
    #expect(!top.path.exists)
  }

  @Test func deleteFinishesWhatAKilledOneBegan() async throws {
    for number in 0..<200 {
      let nested = try Subvolume.create(at: top.path.appending("\(number)"))
      try Subvolume.create(at: nested.path.appending("in it"))
      try nested.setReadOnly(true)
    }
    let path = top.path.string
    await #expect(processExitsWith: .signal(SIGALRM)) { [path = path as String] in
      ualarm(10_000, 0)
      try Subvolume(at: FilePath(path)).delete()
    }
    #expect(top.path.exists)
    try top.delete()
    #expect(!top.path.exists)
    #expect(try Subvolume(at: directory).nested() == [])
  }

  @Test func deleteLeavesSnapshotsAndNeighboursAlone() throws {
    try makeNested(["a"])
    try top.path.appending("file").write(Array("kept".utf8))
    let snapshot = try top.snapshot(to: directory.appending("top snapshot"), readOnly: true)
    let neighbour = try Subvolume.create(at: directory.appending("top2"))
    try top.delete()
    #expect(try runSuccessfully(["cat", snapshot.path.appending("file").string]) == "kept")
    #expect(try Set(Subvolume(at: directory).nested()) == [snapshot.path, neighbour.path])
  }

  @Test func deleteIsOnlyForSubvolumes() throws {
    let plain = directory.appending("plain")
    let file = directory.appending("file")
    let link = directory.appending("link")
    try plain.makeDirectory()
    try file.write(1)
    symlink("top", link.string)
    for path in [plain, file, link] {
      expectFailure(.notASubvolume) { try Subvolume(at: path).delete() }
      #expect(path.exists, "\(path)")
    }
    #expect(top.path.exists)
    expectFailure(.notFound) { try Subvolume(at: directory.appending("missing")).delete() }
    expectFailure(.notFound) { try Subvolume(at: directory.pushing("missing/below")).delete() }
    expectFailure(.notBtrfs) { try Subvolume(at: "/dev/shm/.").delete() }
  }

  @Test func deleteReportsAReadOnlyParent() throws {
    try makeNested(["a"])
    try top.setReadOnly(true)
    expectFailure(.readOnly) { try Subvolume(at: top.path.appending("a")).delete() }
    #expect(try top.info().isReadOnly)
  }

  @Test func theDefaultSubvolumeIsNotPermittedToGo() throws {
    let other = try LoopBtrfs.small()
    defer { other.remove() }
    let subvolume = try Subvolume.create(at: other.root.appending("s"))
    try runSuccessfully(["btrfs", "subvolume", "set-default", subvolume.path.string])
    expectFailure(.notPermitted) { try subvolume.delete() }
    #expect(subvolume.path.exists)
  }

  @Test func spaceIsBackOnceDeletionsAreWaitedFor() throws {
    let other = try LoopBtrfs.small(size: 512 << 20)
    defer { other.remove() }
    let subvolume = try Subvolume.create(at: other.root.appending("s"))
    try subvolume.path.appending("file").write(100 << 20)
    try FileSystem.sync(other.root)
    let before = try FileSystem.space(of: other.root)
    try subvolume.delete()
    #expect(try FileSystem.waitForDeletions(on: other.root))
    let after = try FileSystem.space(of: other.root)
    #expect(before.used - after.used >= 100 << 20)
    #expect(after.available - before.available >= 100 << 20)
  }

  /// Makes subvolumes at these paths below `top`, and the plain directories around them.
  @discardableResult
  private func makeNested(_ names: [FilePath]) throws -> [FilePath] {
    try names.map { name in
      let path = top.path.pushing(name)
      if !path.removingLastComponent().exists { try path.removingLastComponent().makeDirectory() }
      return try Subvolume.create(at: path).path
    }
  }
}
