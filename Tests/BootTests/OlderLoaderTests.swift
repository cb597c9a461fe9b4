import Etc
import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import Boot
@testable import Store

/// The GRUB that an older ast made for EFI, after the renewal, on a partition that is an ext4.
@Suite("The loader of an older ast", .requiresRoot)
struct OlderLoaderTests {
  private final class Mounted {
    let top: FilePath

    init(_ image: FilePath, at top: FilePath) throws {
      self.top = top
      try runSuccessfully(["mount", "-o", "loop", image.string, top.string])
    }

    deinit { umount(top.string) }
  }

  private static let uuid = "00000000-1111-4222-8333-555555555555"
  private let disk: BootDisk
  private let store: Store
  private let directory: FilePath
  private let mounted: Mounted

  init() throws {
    disk = try BootDisk()
    let reader = SettingsReader(machine: { .init() }, node: { machine, _, _ in machine })
    store = try Store(opening: disk.store.root, .writing, reader: reader)
    directory = try LoopBtrfs.shared.newDirectory()
    let image = directory.appending("image")
    try runSuccessfully(["truncate", "-s", "16M", image.string])
    try runSuccessfully(["mkfs.ext4", "-q", "-U", Self.uuid, image.string])
    try runSuccessfully(["mkdir", "top", "variables"], in: directory)
    mounted = try Mounted(image, at: directory.appending("top"))
    let modules = disk.path(of: "@grub").appending("x86_64-efi")
    try runSuccessfully(["mkdir", "-p", modules.string, mounted.top.appending("EFI/ast").string])
    try runSuccessfully(["touch", modules.appending("normal.mod").string, modules.appending("moddep.lst").string])
    try runSuccessfully(["touch", mounted.top.appending("EFI/ast/grub.efi").string])
  }

  private var remains: [String] {
    let places = [disk.path(of: "@grub").appending("x86_64-efi/normal.mod"), mounted.top.appending("EFI/ast/grub.efi")]
    return places.filter { access($0.string, F_OK) == 0 }.compactMap(\.lastComponent?.string)
  }

  private func removeOlderLoader() throws {
    let partition = try EFIPartition(Fstab.Entry("UUID=\(Self.uuid)", at: "/boot/efi", type: "ext4", options: "nofail"))
    try store.removeOlderLoader(from: partition, FirmwareVariables(in: directory.appending("variables")))
  }

  @Test func goesAfterAStartWithoutIt() throws {
    // What shim has not started may still need it.
    try removeOlderLoader()
    #expect(remains == ["normal.mod", "grub.efi"])

    let variable = directory.appending("variables/SbatLevelRT-605dab50-e046-4300-abb6-3dd810dd8b23")
    try Data("\u{6}\0\0\0sbat,1,2021030218\n".utf8).write(to: URL(filePath: variable.string))
    try removeOlderLoader()
    #expect(remains == [])
    #expect(access(disk.path(of: "@grub").appending("x86_64-efi").string, F_OK) != 0)
    #expect(access(mounted.top.appending("EFI/ast").string, F_OK) != 0)
  }
}
