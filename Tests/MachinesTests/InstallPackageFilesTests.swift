import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

@testable import Machines
@testable import Rootfs
@testable import Store

/// Package files that a new system gets, with a real apt that has no network.
@Suite("Package files in a new system", .requiresRoot)
struct InstallPackageFilesTests {
  @Test func areInstalledWithoutANetwork() throws {
    let directory = try LoopBtrfs.shared.newDirectory()
    let file = try DebPackage("plain", files: ["/usr/share/plain": "text\n"]).build(in: directory)
    let root = try DebianRoot.snapshot(in: directory)
    let reader = SettingsReader(machine: { .init() }, node: { machine, _, _ in machine })
    let store = try Store(opening: try TestStore().root, .writing, reader: reader)
    let messages = try FileDescriptor.open(
      directory.appending("messages"), .writeOnly, options: .create, permissions: .ownerReadWrite)
    try messages.closeAfter {
      try BootstrapBase(store: store, root: root, messages: messages).install([PackageFile(file)], [])
    }
    #expect(try String(contentsOfFile: "\(root)/usr/share/plain", encoding: .utf8) == "text\n")
    #expect(try PackageDatabase.installed(in: root)?.contains { $0.name == "plain" } == true)
    #expect(!FileManager.default.fileExists(atPath: "\(root)/ast-packages"))
  }
}
