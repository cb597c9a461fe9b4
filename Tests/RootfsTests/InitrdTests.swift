import DebianFormats
import FoundationEssentials
import Sandbox
import SystemPackage
import TestSupport
import Testing

@testable import Rootfs

/// What is read of an initrd that a Debian's own program decompresses.
@Suite("Content of an initrd", .requiresRoot) struct InitrdTests {
  private static let version = "6.12.0"
  private let root: FilePath

  init() throws {
    root = try DebianRoot.snapshot(in: try LoopBtrfs.shared.newDirectory())
    try runSuccessfully(["mkdir", "-p", "boot", "lib/modules/\(Self.version)"], in: root)
  }

  private var file: FilePath { root.appending("boot/initrd.img-\(Self.version)") }

  private func write(_ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(filePath: file.string)) }

  private func content() throws -> Initrd.Content {
    try Initrd(of: Self.version, in: root).content {
      var sandbox = Sandbox(root: root)
      sandbox.network = .isolated
      return sandbox
    }
  }

  private func reason() throws -> String? {
    if case .unreadable(let reason) = try content() { reason } else { nil }
  }

  private static let microcode = CpioArchive.bytes(["kernel/x86/microcode/AuthenticAMD.bin"], content: "micro")
  private static let rest = CpioArchive.bytes(
    ["init", "usr/sbin/mdadm"], content: String(repeating: "x", count: 300_000))

  @Test(arguments: ["cat", "gzip -c"]) func allPartsAreRead(compression: String) throws {
    try write(Self.rest)
    try runSuccessfully(["sh", "-ec", "\(compression) <\"$0\" >\"$0.new\"; mv \"$0.new\" \"$0\"", file.string])
    let compressed = try Array(Data(contentsOf: URL(filePath: file.string)))
    try write(Self.microcode + [UInt8](repeating: 0, count: 512) + compressed)
    guard case .files(let files) = try content() else {
      Issue.record("\(try content())")
      return
    }
    #expect(files == ["kernel/x86/microcode/AuthenticAMD.bin", "init", "usr/sbin/mdadm"])
  }

  @Test func whatCannotBeReadIsSaid() throws {
    #expect(try reason() == "it is not a regular file")
    try write(Array("an initrd\n".utf8))
    #expect(try reason() == "it is neither an archive of cpio(5) nor compressed in a way that is known")
    try write([0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0])
    #expect(try reason() == "sh: 1: zstd: not found")
    try write(Self.rest.dropLast(400))
    #expect(try reason() == "it has no end")
    try runSuccessfully(["sh", "-ec", "rm \"$0\"; ln -s /etc/shadow \"$0\"", file.string])
    #expect(try reason()?.hasPrefix("it is neither") == true, "a link stays in the root")
  }

  /// What a small file becomes is bounded, and not kept.
  @Test func aBombIsRead() throws {
    let big = CpioArchive.entries(["big"], content: String(repeating: "x", count: 1 << 22))
    try write((0..<16).flatMap { _ in big } + CpioArchive.bytes(["last"]))
    try runSuccessfully(["sh", "-ec", "gzip -9 <\"$0\" >\"$0.new\"; mv \"$0.new\" \"$0\"", file.string])
    guard case .files(let files) = try content() else {
      Issue.record("\(try content())")
      return
    }
    #expect(files == ["big", "last"])
  }

  @Test func aProgramThatLiesHarmsNothing() throws {
    try write(Self.rest)
    try runSuccessfully(["gzip", file.string])
    try runSuccessfully(["mv", "\(file).gz", file.string])
    try runSuccessfully(
      ["sh", "-ec", "rm usr/bin/gzip; printf '#!/bin/sh\\nyes\\n' >usr/bin/gzip; chmod +x usr/bin/gzip"], in: root)
    #expect(try reason()?.hasPrefix("it is neither") == true)
  }

  @Test func aSnapshotHasTheSame() throws {
    try write(Self.rest)
    let copy = try LoopBtrfs.shared.newDirectory().appending("copy")
    try runSuccessfully(["btrfs", "subvolume", "snapshot", root.string, copy.string])
    let (own, other) = (Initrd(of: Self.version, in: root), Initrd(of: Self.version, in: copy))
    #expect(try own.isSame(as: other))
    try runSuccessfully(["touch", copy.appending("boot/initrd.img-\(Self.version)").string])
    #expect(try !own.isSame(as: other))
    #expect(try !Initrd(of: "7", in: root).isSame(as: Initrd(of: "7", in: copy)))
  }

  @Test func makersAndModulesAreFound() throws {
    #expect(try Initrd.maker(in: root) == nil)
    try runSuccessfully(["touch", "usr/bin/dracut", "lib/modules/\(Self.version)/modules.dep"], in: root)
    #expect(try Initrd.maker(in: root) == .dracut)
    try runSuccessfully(["touch", "usr/sbin/mkinitramfs"], in: root)
    #expect(try Initrd.maker(in: root) == .initramfsTools)
    try runSuccessfully(
      ["sh", "-ec", "echo kernel/fs/btrfs/btrfs.ko: >lib/modules/\(Self.version)/modules.dep"], in: root)
    #expect(try Initrd(of: Self.version, in: root).modules().has("btrfs"))
  }
}
