import DebianFormats
import FoundationEssentials
import Host
import Rootfs
import Sandbox
import Settings
import SnapshotTree
import SystemPackage

/// The boot files of a root file system.
extension Store {
  /// The newest kernel of a root that has an initrd and modules, with the arguments that the root's own configuration
  /// of the boot loader and the settings of the node give it; nil if there is none.
  ///
  /// - Parameters:
  ///   - generation: the node's content, from which its settings are read. The root may be a deployment's, which has the
  ///     machine's copy of that file.
  ///   - place: the path that the generation will have, if it is not there yet, for messages.
  /// - Throws: `AstError` when the configuration of the boot loader cannot be read.
  package func bootFiles(
    in path: FilePath, of node: NodeID, settingsIn generation: FilePath, named place: FilePath? = nil
  ) throws -> BootFiles? {
    guard let version = try Kernels(in: path).newest else { return nil }
    let arguments =
      try loaderArguments(in: path, of: node)
      + ownArguments(of: node, in: generation, named: place ?? generation)
    return BootFiles(
      kernel: "boot/vmlinuz-\(version)", initrd: "boot/initrd.img-\(version)",
      arguments: arguments.joined(separator: " "))
  }

  /// The same for a commit. If the configuration of the boot loader is broken, the commit does not fail: the node is
  /// not in the boot menu.
  package func bootFilesToTry(in path: FilePath, of node: NodeID, named place: FilePath) throws -> BootFiles? {
    do {
      let boot = try bootFiles(in: path, of: node, settingsIn: path, named: place)
      if boot != nil { noteInitrd(in: path, of: node) }
      return boot
    } catch let error as AstError where error.code == .failed {
      warn("\(error.reason); the node is not in the boot menu")
      return nil
    }
  }

  /// The kernel arguments in `/etc/default/grub`, read as grub-mkconfig(8) reads it: by a shell, the root's own.
  private func loaderArguments(in path: FilePath, of node: NodeID) throws -> [Substring] {
    let root = RootDirectory(path)
    guard try root.hasFile(Self.grubDefaults) || !root.entries(of: "/etc/default/grub.d").isEmpty else {
      return []
    }
    var output = OutputStart(limit: Self.longestArguments)
    var said = OutputEnds()
    let end = try sandbox(for: node, at: path, network: .isolated).run(
      ["/bin/sh", "-c", Self.script], within: Self.timeLimit, output: { output.add($0) }, error: { said.add($0) })
    guard end == .exited(0), !output.isCut else {
      let reason =
        output.isCut
        ? "the kernel arguments are longer than \(Self.longestArguments) bytes"
        : end == nil
          ? "its shell has not ended within \(Self.timeLimit.components.seconds) seconds"
          : said.text.split(separator: "\n").first.map(String.init) ?? "its shell failed"
      throw AstError(.failed, "cannot read \(Self.grubDefaults) of node \(node): \(reason)")
    }
    return output.text.split(whereSeparator: \.isWhitespace)
  }

  /// Enough for a shell on a machine that is busy. The file is a program, which can go on for ever.
  private static let timeLimit = Duration.seconds(10)
  /// Many times the length of a kernel command line (COMMAND_LINE_SIZE is 2048 on most architectures).
  private static let longestArguments = 1 << 14

  /// The kernel arguments in the node's settings. If the settings are wrong, ast warns and adds none: neither the
  /// user's work nor a way to boot may be lost for that.
  private func ownArguments(of node: NodeID, in generation: FilePath, named place: FilePath) -> [Substring] {
    do {
      return try ownSettings(in: generation, named: place).kernelArguments.map { $0[...] }
    } catch {
      warn("\(AstError(error).reason); node \(node) only gets the kernel arguments in \(Self.grubDefaults)")
      return []
    }
  }

  private static let grubDefaults: FilePath = "/etc/default/grub"
  private static let script = """
    set -e
    for file in \(grubDefaults) \(grubDefaults).d/*.cfg; do
      if [ -e "$file" ]; then . "$file"; fi
    done
    printf '%s %s' "${GRUB_CMDLINE_LINUX-}" "${GRUB_CMDLINE_LINUX_DEFAULT-}"
    """
}
