import DebianFormats
import Host
import Rootfs
import Sandbox
import SystemPackage

extension AptSession {
  /// Makes sure that a root is in order: no package is half done, every dependency is met, and every kernel that came
  /// has what it takes to boot.
  ///
  /// - Parameter before: the root as it was: what is wrong there already is nobody's fault.
  /// - Throws: `AstError` with what is wrong.
  package func verify(_ root: FilePath, before: FilePath) throws {
    let audit = try collect(["dpkg", "--audit"], in: root)
    guard audit.end == .exited(0), audit.output.isEmpty else {
      let words = audit.output.split(separator: "\n").joined(separator: " ")
      throw AstError(.failed, "node \(node) would not be in order (dpkg --audit): \(words)", state: .discarded)
    }
    // Only what is installed counts, so apt need not look at the indices.
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
          + " the changes are discarded", hint: "is the disk full, or a hook of initramfs-tools broken?")
    }
  }
}
