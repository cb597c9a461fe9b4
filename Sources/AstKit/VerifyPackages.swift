import DebianFormats
import Sandbox
import SystemPackage

extension AptSession {
  /// Makes sure that a root is in order: no package is half done, every dependency is met, and every kernel that came
  /// has what it takes to boot.
  ///
  /// - Parameter before: the root as it was: what is wrong there already is nobody's fault.
  /// - Throws: `AstError` with what is wrong.
  func verify(_ root: FilePath, before: FilePath) throws {
    let audit = try collect(["dpkg", "--audit"], in: root)
    guard audit.end == .exited(0), audit.output.isEmpty else {
      let words = audit.output.split(separator: "\n").joined(separator: " ")
      throw AstError(.failed, "node \(node) would not be in order (dpkg --audit): \(words); the changes are discarded")
    }
    // Only what is installed counts, so apt need not look at the indices.
    let check = try collect(apt("apt-get") + ["-q=1"] + Self.withoutIndices + ["check"], in: root)
    guard check.end == .exited(0) else {
      let reason = Self.unmet(in: check.output) ?? Self.words(check.said)
      throw AstError(
        .failed, "node \(node) would not be in order (apt-get check): \(reason); the changes are discarded")
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

/// The kernels of a root, as Debian's packages lay them out.
struct Kernels {
  /// The versions in `/boot`.
  let installed: Set<String>
  /// Those without modules, or without an initrd where the root has a program that makes them.
  let unbootable: Set<String>
  /// The newest one that has both: what a boot loader can be given.
  let newest: String?

  init(in path: FilePath) throws {
    let root = RootDirectory(path)
    let files = Set(try root.entries(of: "/boot").map(\.name))
    let prefix = "vmlinuz-"
    installed = Set(files.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) })
    let makers = Set(try root.entries(of: "/usr/sbin").map(\.name) + root.entries(of: "/usr/bin").map(\.name))
    let needsInitrd = !makers.isDisjoint(with: ["update-initramfs", "dracut"])
    let modular = try installed.filter { version in
      try root.contents(of: FilePath("/lib/modules/\(version)/modules.dep")) != nil
    }
    newest = modular.filter { files.contains("initrd.img-\($0)") }.max { DebianVersion($0) < DebianVersion($1) }
    unbootable = installed.filter { version in
      needsInitrd && !files.contains("initrd.img-\(version)") || !modular.contains(version)
    }
  }
}
