import Btrfs
import DebianFormats
import Nodes
import SnapshotTree
import SystemPackage
import TestSupport
import Testing

@testable import Nodes
@testable import Store

@Suite("Sharing of files between nodes", .requiresRoot)
struct ShareFilesTests {
  private static let new = Package(name: "new", architecture: "all", version: "1")
  private static let sum = String(repeating: "0123456789abcdef", count: 2)

  /// Installs a package as dpkg would, then adds its files, because a run that changes dpkg's status shares the files
  /// that it adds. `script` can then change them.
  private static func install(_ script: String, in node: Int, of store: TestStore) throws {
    let entry = #"printf '\nPackage: new\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n'"#
    try store.ast("run", "\(node)", "bash", "-euc", "mkdir -p /var/lib/dpkg; \(entry) >>/var/lib/dpkg/status")
      .expectSuccess()
    let setUp = """
      mkdir -p /opt /var/lib/dpkg/info
      for ((i = 0; i < 200000; i++)); do echo $i; done >/opt/data
      echo small >/opt/small
      for file in data small missing; do echo "\(sum)  opt/$file"; done >/var/lib/dpkg/info/new.md5sums
      \(script)
      """
    try store.ast("run", "\(node)", "bash", "-euc", setUp).expectSuccess()
  }

  /// Two branches of the base that each got a package, changed by these scripts.
  private func branches(_ first: String, _ second: String, at directory: FilePath? = nil) throws -> TestStore {
    let store = try TestStore(at: directory)
    for (node, script) in [(1, first), (2, second)] {
      try store.ast("clone", "0").expectSuccess()
      try Self.install(script, in: node, of: store)
    }
    try FileSystem.sync(store.root)
    return store
  }

  private func opened(_ store: TestStore) throws -> Store {
    let reader = SettingsReader(machine: { .init() }, node: { machine, _, _ in machine })
    return try Store(opening: store.root, .reading, reader: reader)
  }

  private func share(in store: TestStore, _ packages: [Package] = [new]) throws -> SharedFiles {
    try opened(store).shareFiles(of: packages, in: store.content(of: 2), of: NodeID(2))
  }

  @Test(arguments: [true, false]) func aSecondCopyCostsNothing(isSealed: Bool) throws {
    let store = try branches("", "")
    let second = Subvolume(at: try store.content(of: 2))
    let before = try second.usage().exclusive
    let checksum = try TestStore.checksum(of: second.path)
    try second.setReadOnly(isSealed)
    let shared = try share(in: store)
    #expect(shared.bytes == 1_288_890)
    #expect(shared.files == 1 && shared.failures == 0 && !shared.isIncomplete)
    try FileSystem.sync(store.root)
    #expect(try second.usage().exclusive <= before - 1_288_890)
    #expect(try TestStore.checksum(of: second.path) == checksum)
  }

  @Test(arguments: [
    // Other bytes, whatever the checksum says.
    ("", "for ((i = 0; i < 200000; i++)); do echo $((999999 - i)); done | head -c 1288890 >/opt/data"),
    // Another checksum.
    ("", "echo 0123456789abcdeffedcba9876543210  opt/data >/var/lib/dpkg/info/new.md5sums"),
    ("", "rm /var/lib/dpkg/info/new.md5sums"),
    ("rm /var/lib/dpkg/info/new.md5sums; mkdir /var/lib/dpkg/info/new.md5sums", ""),
    // Another length, another kind of file, no file.
    ("", "echo more >>/opt/data"), ("", "rm /opt/data; mknod /opt/data p"), ("rm /opt/data", ""),
    // A path that leads out of the root.
    ("", "mv /opt/data /opt/other; ln -s other /opt/data"), ("rm -r /opt; ln -s /dev /opt", ""),
    ("", "echo '\(sum)  ../../../1/2/opt/data' >/var/lib/dpkg/info/new.md5sums"),
    // Another version.
    ("", "echo 'Version: 2' >>/var/lib/dpkg/status"),
  ])
  func whatIsNotTheSameIsLeftAlone(first: String, second: String) throws {
    let store = try branches(first, second)
    let before = try Subvolume(at: store.content(of: 2)).usage()
    let packages = try opened(store).packages(of: GenerationReference(NodeID(2))).filter { $0.name == "new" }
    #expect(try share(in: store, packages) == SharedFiles())
    try FileSystem.sync(store.root)
    #expect(try Subvolume(at: store.content(of: 2)).usage() == before)
  }

  @Test func aNodeThatIsGoneSharesNothing() throws {
    let store = try branches("", "")
    try Subvolume(at: store.content(of: 1)).delete()
    #expect(try share(in: store) == SharedFiles())
  }

  @Test func aDiskThatTakesNothingEndsIt() throws {
    let disk = try LoopBtrfs.small(size: 512 << 20)
    defer { disk.remove() }
    let second = "cp /opt/data /opt/more; echo \(Self.sum)  opt/more >>/var/lib/dpkg/info/new.md5sums"
    let store = try branches(second, second, at: disk.root)
    try disk.remount("ro")
    let shared = try share(in: store)
    #expect(shared.bytes == 0 && shared.files == 0 && shared.failures == 1 && shared.isIncomplete)
    #expect(shared.firstFailure?.hasSuffix("Read-only file system") == true)
    #expect(shared.firstFailure?.contains("/nodes/2/3/opt/") == true)
  }

  @Test func aFileThatCannotBeReadIsTold() throws {
    // Too large for a list of checksums.
    let store = try branches("", "dd if=/dev/zero of=/var/lib/dpkg/info/new.md5sums bs=1 count=0 seek=300M status=none")
    let shared = try share(in: store)
    #expect(shared.bytes == 0 && shared.failures == 1 && !shared.isIncomplete)
    #expect(shared.firstFailure?.hasPrefix("cannot read the checksums of new in ") == true)
  }

  @Test func onlyPackagesThatCameInAreNew() {
    func package(_ name: String, _ version: String) -> InstalledPackage {
      InstalledPackage(name: name, architecture: "all", version: version, state: "installed")
    }
    let before = [package("same", "1"), package("old", "1"), package("gone", "1")]
    let after = [package("same", "1"), package("old", "2"), package("added", "1")]
    #expect(Store.newPackages(from: before, to: after).map(\.name) == ["added", "old"])
  }

  @Test func packagesThatDpkgInstallsInARunAreShared() throws {
    let store = TestStore(existing: try LoopBtrfs.shared.newDirectory())
    try store.ast("init", "--tarball", try DebianRoot.archive(of: DebianRoot.suite).string).expectSuccess()
    let script = """
      mkdir -p /tmp/p/DEBIAN /tmp/p/usr/share/new; cd /tmp/p; seq 800000 >usr/share/new/data
      printf 'Package: new\\nVersion: 1\\nArchitecture: all\\nMaintainer: x\\nDescription: x\\n' >DEBIAN/control
      md5sum usr/share/new/data >DEBIAN/md5sums; dpkg-deb -Znone -b . /tmp/new.deb; dpkg -i /tmp/new.deb
      """
    for node in 1...2 {
      try store.ast("clone", "0").expectSuccess()
      try store.ast("run", "\(node)", "--", "sh", "-euc", script).expectSuccess()
    }
    try FileSystem.sync(store.root)
    let files = try [1, 2].map { try store.content(of: $0).appending("usr/share/new/data") }
    let open = try files.map { try FileDescriptor.open($0, .readOnly) }
    defer { for file in open { try? file.close() } }
    #expect(try bytesApart(open[1], from: open[0], at: files[1]) == 0)
    // Nothing is left to share.
    #expect(try share(in: store) == SharedFiles())
    let second = try Subvolume(at: store.content(of: 2)).usage().exclusive
    #expect(second < 5 << 20)
  }
}
