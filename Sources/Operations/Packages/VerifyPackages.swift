import DebianFormats
import Host
import Rootfs
import Sandbox
import SystemPackage

extension AptSession {
  /// Makes sure that a root is in order: no package is half installed, every dependency is met, and every new kernel can
  /// boot. An initrd that was made, and lacks what the root needs, is a reason for a warning: the packages that bring it
  /// may come next.
  ///
  /// - Parameter before: the root as it was; kernels that could not boot there already are not counted.
  /// - Throws: `AstError` that says what is wrong.
  package func verify(_ root: FilePath, before: FilePath) throws {
    let audit = try collect(["dpkg", "--audit"], in: root)
    guard audit.end == .exited(0), audit.output.isEmpty else {
      let words = audit.output.split(separator: "\n").joined(separator: " ")
      throw AstError(.failed, "node \(node) would not be in order (dpkg --audit): \(words)", state: .discarded)
    }
    // Only installed packages count, so apt does not need the indices.
    let check = try collect(apt("apt-get") + ["-q=1"] + Self.withoutIndices + ["check"], in: root)
    guard check.end == .exited(0) else {
      let reason = AptMessages.unmetDependencies(in: check.output) ?? AptMessages.sentence(check.said)
      throw AstError(
        .failed, "node \(node) would not be in order (apt-get check): \(reason)", state: .discarded)
    }
    let broken = try Kernels(in: root).unbootable.subtracting(Kernels(in: before).unbootable)
    if let kernel = broken.min() {
      throw AstError(
        .failed,
        "node \(node) would not boot: the kernel \(kernel) lacks its initrd or its modules;"
          + " the changes are discarded",
        hint: "is the disk full, or a hook of initramfs-tools or a module of dracut broken?")
    }
    if let lack = try store.lack(inInitrdOf: root, of: node, before: before) {
      store.warn("\(lack.reason); \(lack.hint)")
    }
  }
}
