import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// What every sandbox of a node gets from ast, shown inside as `/run/ast/inside`: stand-ins for the programs that work
/// on the machine's boot loader, and the way for dpkg to find them.
///
/// Packages call these programs when they are installed, and fail when they fail. There is nothing for them to do in a
/// node: the boot menu is written when one is deployed.
struct NodeEnvironment {
  /// Where it is.
  let path: FilePath

  /// Makes it where it is missing or not as it should be.
  init(in store: Store) throws {
    path = store.root.appending("ast/inside")
    try Store.makeDirectory("ast/inside", in: store.root)
    try Store.makeDirectory("ast/inside/bin", in: store.root)
    for name in Self.bootPrograms { try require(Self.standIn, at: path.appending("bin/\(name)"), mode: 0o755) }
    try require(Self.aptConfiguration, at: path.appending("apt.conf"), mode: 0o644)
  }

  private func require(_ text: String, at file: FilePath, mode: mode_t) throws {
    let data = Data(text.utf8)
    guard (try? Data(contentsOf: URL(filePath: file.string))) != data || access(file.string, R_OK) != 0 else { return }
    // Several threads and processes may be at it.
    let temporary = FilePath("\(file).new-\(UUID())")
    try Files.write(data, to: temporary)
    try Files.setMode(temporary, mode)
    try Files.rename(temporary, to: file)
  }

  /// Where it is, inside.
  static let inside: FilePath = "/run/ast/inside"
  /// The PATH inside.
  static let searchPath = "\(inside)/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  private static let bootPrograms = ["update-grub", "update-grub2", "grub-install", "grub-mkconfig", "efibootmgr"]
  private static let standIn = """
    #!/bin/sh
    echo "${0##*/}: nothing to do in a node; the boot menu is written when it is deployed" >&2

    """
  /// apt gives dpkg a PATH of its own (apt.conf(5), `DPkg::Path`). Its tables stay out of the node: 100 MB that a look
  /// at the packages would leave there.
  private static let aptConfiguration = """
    DPkg::Path "\(searchPath)";
    Dir::Cache::pkgcache "";
    Dir::Cache::srcpkgcache "";

    """
}
