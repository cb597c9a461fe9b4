import SystemPackage
import TestSupport
import Testing

@testable import Rootfs

/// What counts as a kernel: everything in a node can be in its place.
@Suite(.requiresRoot) struct KernelsTests {
  private let root: FilePath

  init() throws {
    root = try LoopBtrfs.shared.newDirectory()
    try make(
      "mkdir -p boot usr/sbin lib/modules/1 lib/modules/2; touch usr/sbin/update-initramfs; "
        + "for v in 1 2; do echo >boot/vmlinuz-$v; echo >boot/initrd.img-$v; echo >lib/modules/$v/modules.dep; done")
  }

  private func make(_ script: String) throws { try runSuccessfully(["sh", "-euc", script], in: root) }

  @Test func theNewestWithEverythingIsBooted() throws {
    let kernels = try Kernels(in: root)
    #expect((kernels.newest, kernels.unbootable) == ("2", []))
  }

  @Test(arguments: [
    "rm boot/vmlinuz-2; mkfifo boot/vmlinuz-2", "ln -sf /dev/zero boot/vmlinuz-2", "truncate -s 3G boot/vmlinuz-2",
    "rm boot/vmlinuz-2; mkdir boot/vmlinuz-2", "ln -sf vmlinuz-3 boot/vmlinuz-2",
  ])
  func whatIsNoKernelIsNone(script: String) throws {
    try make(script)
    let kernels = try Kernels(in: root)
    #expect((kernels.newest, kernels.unbootable) == ("1", []))
  }

  @Test(arguments: [
    "rm boot/initrd.img-2; mkfifo boot/initrd.img-2", "truncate -s 3G boot/initrd.img-2",
    "rm lib/modules/2/modules.dep; mkfifo lib/modules/2/modules.dep", "rm boot/initrd.img-2",
  ])
  func withoutTheRestItIsNotBooted(script: String) throws {
    try make(script)
    let kernels = try Kernels(in: root)
    #expect((kernels.newest, kernels.unbootable) == ("1", ["2"]))
  }

  @Test func aLinkInsideIsFollowed() throws {
    try make("mv boot/vmlinuz-2 boot/real; ln -s real boot/vmlinuz-2")
    #expect(try Kernels(in: root).newest == "2")
  }
}
