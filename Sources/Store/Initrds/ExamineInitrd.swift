import DebianFormats
import Host
import Rootfs
import SnapshotTree
import SystemPackage

/// What an initrd lacks of that without which the root cannot be mounted.
package struct InitrdLack: Sendable {
  /// The node.
  let node: NodeID
  /// The version of the kernel.
  let version: String
  /// The names of the files, at least one.
  let files: [String]
  /// The packages that bring them, as far as the node does not have these.
  let packages: [String]
  /// The program that makes the node's initrds; nil if it has none.
  let maker: InitrdMaker?

  /// The sentence that says it.
  package var reason: String {
    "the initrd of the kernel \(version) in node \(node) lacks \(files.joined(separator: " and ")):"
      + " the root could not be mounted"
  }

  /// What to type.
  package var hint: String {
    if !packages.isEmpty { return "`ast install \(node) \(packages.joined(separator: " "))` brings it" }
    guard let maker else { return "`ast chroot \(node)` opens the node, where you can make another one" }
    if files.contains(InitrdNeed.tableOfDisks) {
      return "the line of the disk in /etc/crypttab of the node needs the option `initramfs`; `ast run \(node)"
        + " \(maker.command(for: version).joined(separator: " "))` makes the initrd anew"
    }
    return "`ast run \(node) \(maker.command(for: version).joined(separator: " "))` makes it anew; if it lacks the same"
      + " again, look at \(maker.settings) in the node"
  }
}

extension Store {
  /// Finds out whether the initrd of the newest kernel of a root has what the machine's root needs.
  ///
  /// An initrd that cannot be read is no reason to refuse anything: the administrator may have one of another kind. A
  /// warning says it.
  ///
  /// - Parameters:
  ///   - before: a root whose initrd has been examined: the same file is not read again.
  ///   - needs: what is needed, apart from the file system.
  /// - Returns: nil if nothing is known to be missing, or the root has no kernel that could be booted.
  package func lack(
    inInitrdOf path: FilePath, of node: NodeID, before: FilePath? = nil, needs: Set<InitrdNeed> = []
  ) throws -> InitrdLack? {
    guard let version = try Kernels(in: path).newest else { return nil }
    let initrd = Initrd(of: version, in: path)
    if let before, try initrd.isSame(as: Initrd(of: version, in: before)) { return nil }
    let modules = try initrd.modules()
    let open = ([.btrfs] + needs).filter { !$0.isMet(by: modules) }
    guard !open.isEmpty else { return nil }
    switch try initrd.content(in: { try sandbox(for: node, at: path, network: .isolated) }) {
    case .unreadable(let reason):
      warn("the initrd of the kernel \(version) in node \(node) cannot be looked into: \(reason)")
      return nil
    case .files(let files):
      let missing = open.map { (need: $0, files: $0.missing(in: files, of: version, with: modules)) }
        .filter { !$0.files.isEmpty }
      guard !missing.isEmpty else { return nil }
      let maker = try Initrd.maker(in: path)
      let installed = Set(try PackageDatabase.installed(in: path)?.filter { $0.state == "installed" }.map(\.name) ?? [])
      let packages = Set(missing.map { $0.need.package(for: maker) }).subtracting(installed)
      return InitrdLack(
        node: node, version: version, files: Set(missing.flatMap(\.files)).sorted(), packages: packages.sorted(),
        maker: maker)
    }
  }
}
