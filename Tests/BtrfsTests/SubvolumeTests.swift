import Btrfs
import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

@Suite(.requiresRoot) struct SubvolumeTests {
  let directory: FilePath

  init() throws {
    directory = try LoopBtrfs.shared.newDirectory()
  }

  // MARK: isSubvolume

  @Test func isSubvolumeTellsSubvolumesFromEverythingElse() throws {
    try Subvolume.create(at: directory.appending("subvolume"))
    try directory.appending("directory").makeDirectory()
    try directory.appending("file").write(1)
    #expect(try Subvolume.isSubvolume(at: directory))
    #expect(try Subvolume.isSubvolume(at: directory.appending("subvolume")))
    for other in ["directory", "file", "missing", "missing/below", "file/below"] {
      #expect(try !Subvolume.isSubvolume(at: directory.pushing(FilePath(other))), "\(other)")
    }
    #expect(try !Subvolume.isSubvolume(at: "/dev/shm"))
  }

  // MARK: create

  @Test func createMakesAnEmptyWritableSubvolume() throws {
    let subvolume = try Subvolume.create(at: directory.appending("s"))
    #expect(subvolume.path == directory.appending("s"))
    #expect(try !subvolume.info().isReadOnly)
    #expect(try runSuccessfully(["ls", "-A", subvolume.path.string]) == "")
    try subvolume.path.appending("file").write(1)
  }

  @Test(arguments: [
    "two words", "line\nfeed", "tab\t", #"it's "quoted""#, "back\\slash", "$(reboot);*", "-rf", "ümläut 雪 🌲",
    String(repeating: "n", count: 255),
  ])
  func everyNameWorks(_ name: String) throws {
    let path = directory.appending(name)
    let snapshot = directory.appending("snapshot").appending(name)
    try Subvolume.create(at: path)
    try Subvolume.create(at: path.appending(name))
    try Subvolume.create(at: directory.appending("snapshot"))
    try Subvolume(at: path).snapshot(to: snapshot, readOnly: true)
    #expect(try Subvolume.isSubvolume(at: snapshot))
    #expect(try Subvolume(at: snapshot).info().isReadOnly)
    #expect(try Subvolume(at: path).nested() == [path.appending(name)])
    try Subvolume(at: path).delete()
    try Subvolume(at: snapshot).delete()
    #expect(!path.exists && !snapshot.exists)
  }

  @Test func namesThatAreNotUTF8Work() throws {
    let name = try #require(
      [0x66, 0xff, 0xfe, 0].withUnsafeBufferPointer {
        FilePath.Component(platformString: $0.map(CChar.init(truncatingIfNeeded:)))
      })
    let path = directory.appending(name)
    try Subvolume.create(at: path)
    #expect(try Subvolume(at: directory).nested() == [path])
    try Subvolume(at: directory).delete()
    #expect(!directory.exists)
  }

  @Test func createReportsWhatIsInTheWay() throws {
    try directory.appending("file").write(1)
    expectFailure(.exists) { try Subvolume.create(at: directory.appending("file")) }
    expectFailure(.exists) { try Subvolume.create(at: directory) }
    expectFailure(.notFound) { try Subvolume.create(at: directory.appending("missing").appending("s")) }
    expectFailure(.notBtrfs) { try Subvolume.create(at: "/dev/shm/ast-test-subvolume") }
    let tooLong = expectFailure(.other) {
      try Subvolume.create(at: directory.appending(String(repeating: "n", count: 256)))
    }
    #expect(tooLong?.errno == .fileNameTooLong)
    try Subvolume(at: directory).setReadOnly(true)
    expectFailure(.readOnly) { try Subvolume.create(at: directory.appending("s")) }
  }

  // MARK: snapshot

  @Test(arguments: [true, false])
  func snapshotHasTheContentsAndNoNestedSubvolumes(_ readOnly: Bool) throws {
    let source = try Subvolume.create(at: directory.appending("source"))
    try source.path.appending("file").write(Array("old".utf8))
    try Subvolume.create(at: source.path.appending("nested"))
    let snapshot = try source.snapshot(to: directory.appending("snapshot"), readOnly: readOnly)
    try source.path.appending("file").write(Array("new".utf8))

    #expect(try runSuccessfully(["cat", snapshot.path.appending("file").string]) == "old")
    #expect(try snapshot.nested() == [])
    #expect(try snapshot.info().isReadOnly == readOnly)
    #expect(try snapshot.info().parentUUID == source.info().uuid)
    #expect(try run(["touch", snapshot.path.appending("new").string]).status == (readOnly ? 1 : 0))
  }

  @Test func snapshotNeverGoesIntoAnExistingDirectory() throws {
    let source = try Subvolume.create(at: directory.appending("source"))
    try directory.appending("empty").makeDirectory()
    try directory.appending("file").write(1)
    let subvolume = try Subvolume.create(at: directory.appending("subvolume"))
    symlink("empty", directory.appending("link").string)
    symlink("nowhere", directory.appending("dangling").string)
    for name in ["empty", "file", "subvolume", "source", "link", "dangling"] {
      expectFailure(.exists) { try source.snapshot(to: directory.appending(name), readOnly: true) }
    }
    #expect(try Subvolume(at: directory).nested().sorted { $0.string < $1.string } == [source.path, subvolume.path])
  }

  @Test func snapshotReportsWhichPathIsWrong() throws {
    let source = try Subvolume.create(at: directory.appending("source"))
    let target = directory.appending("target")
    try directory.appending("plain").makeDirectory()
    let plain = expectFailure(.notASubvolume) {
      try Subvolume(at: directory.appending("plain")).snapshot(to: target, readOnly: false)
    }
    #expect(plain?.path == directory.appending("plain"))
    let missing = expectFailure(.notFound) {
      try Subvolume(at: directory.appending("missing")).snapshot(to: target, readOnly: false)
    }
    #expect(missing?.path == directory.appending("missing"))
    let foreign = expectFailure(.notBtrfs) { try Subvolume(at: "/dev/shm").snapshot(to: target, readOnly: false) }
    #expect(foreign?.path == "/dev/shm")
    let outside = expectFailure(.notBtrfs) { try source.snapshot(to: "/dev/shm/ast-test-snapshot", readOnly: false) }
    #expect(outside?.path == "/dev/shm/ast-test-snapshot")
    let parent = directory.appending("no").appending("target")
    #expect(expectFailure(.notFound) { try source.snapshot(to: parent, readOnly: false) }?.path == parent)
  }

  @Test func snapshotOntoAnotherBtrfsIsRefused() throws {
    let other = try LoopBtrfs.small()
    defer { other.remove() }
    let error = expectFailure(.other) {
      try Subvolume(at: directory).snapshot(to: other.root.appending("s"), readOnly: false)
    }
    #expect(error?.errno == .improperLink)
  }

  // MARK: setReadOnly

  @Test func setReadOnlyGoesBothWays() throws {
    let subvolume = try Subvolume.create(at: directory.appending("s"))
    try subvolume.setReadOnly(true)
    #expect(try subvolume.info().isReadOnly)
    #expect(try run(["touch", subvolume.path.appending("file").string]).status == 1)
    try subvolume.setReadOnly(true)
    try subvolume.setReadOnly(false)
    #expect(try !subvolume.info().isReadOnly)
    try runSuccessfully(["touch", subvolume.path.appending("file").string])
  }

  @Test func setReadOnlyIsOnlyForSubvolumes() throws {
    try directory.appending("plain").makeDirectory()
    expectFailure(.notASubvolume) { try Subvolume(at: directory.appending("plain")).setReadOnly(true) }
    expectFailure(.notFound) { try Subvolume(at: directory.appending("missing")).setReadOnly(true) }
    expectFailure(.notBtrfs) { try Subvolume(at: "/dev/shm").setReadOnly(true) }
  }

  // MARK: info

  @Test func infoIsWhatBtrfsShows() throws {
    let before = Date()
    let subvolume = try Subvolume.create(at: directory.appending("s"))
    let info = try subvolume.info()
    let shown = try runSuccessfully(["btrfs", "subvolume", "show", subvolume.path.string])
    #expect(shown.contains(info.uuid.uuidString.lowercased()))
    #expect(shown.split(separator: "\n").contains { $0.contains("Subvolume ID:") && $0.hasSuffix("\t\(info.id)") })
    #expect(info.parentID == (try Subvolume(at: directory).info().id))
    #expect(info.parentUUID == nil)
    #expect(info.receivedUUID == nil)
    #expect(info.createdIn > 0 && info.transaction >= info.createdIn)
    // The kernel stamps with the clock of its last tick.
    #expect(abs(info.created.timeIntervalSince(before)) < 1)
  }

  @Test func aChangeShowsInTheTransactionOnceCommitted() throws {
    let subvolume = try Subvolume.create(at: directory.appending("s"))
    try FileSystem.sync(directory)
    let before = try subvolume.info()
    try subvolume.path.appending("file").write(1)
    try FileSystem.sync(directory)
    let after = try subvolume.info()
    #expect(after.transaction > before.transaction)
    #expect(after.createdIn == before.createdIn && after.created == before.created && after.uuid == before.uuid)
  }

  @Test func theTopLevelHasInfoToo() throws {
    let info = try Subvolume(at: LoopBtrfs.shared.root).info()
    #expect(info.id == 5 && info.parentID == 0 && info.parentUUID == nil)
  }

  @Test func infoIsOnlyForSubvolumes() throws {
    try directory.appending("plain").makeDirectory()
    expectFailure(.notASubvolume) { try Subvolume(at: directory.appending("plain")).info() }
    expectFailure(.notFound) { try Subvolume(at: directory.appending("missing")).info() }
    expectFailure(.notBtrfs) { try Subvolume(at: "/dev/shm").info() }
  }

  // MARK: whole file systems

  @Test func aReadOnlyFileSystemRefusesEveryChange() throws {
    let other = try LoopBtrfs.small()
    defer { other.remove() }
    let subvolume = try Subvolume.create(at: other.root.appending("s"))
    try other.remount("ro")
    expectFailure(.readOnly) { try Subvolume.create(at: other.root.appending("t")) }
    expectFailure(.readOnly) { try subvolume.snapshot(to: other.root.appending("t"), readOnly: true) }
    expectFailure(.readOnly) { try subvolume.setReadOnly(true) }
    expectFailure(.readOnly) { try subvolume.delete() }
    #expect(try !subvolume.info().isReadOnly)
    #expect(try subvolume.nested() == [])
  }

  @Test func aFullFileSystemIsReportedAsSuch() throws {
    // Mixed block groups: data takes the room of metadata.
    let other = try LoopBtrfs.small(mkfsOptions: ["--mixed"])
    defer { other.remove() }
    let source = try Subvolume.create(at: other.root.appending("s"))
    let snapshot = try source.snapshot(to: other.root.appending("snapshot"), readOnly: true)
    #expect(throws: Errno.noSpace) { try source.path.appending("big").write(200 << 20) }
    expectFailure(.noSpace) {
      for number in 0..<100_000 {
        try source.snapshot(to: other.root.appending("\(number)"), readOnly: true)
      }
    }
    // Deleting still works: it is the way out.
    try snapshot.delete()
    try source.delete()
  }
}
