import DebianFormats
import FoundationEssentials
import Glibc
import Host
import Sandbox
import SystemPackage

/// The directory that every sandbox of a node gets from ast as `/run/ast/inside`: stand-ins for the programs that work
/// on services, devices and the machine's boot loader, and the configuration by which dpkg finds them.
///
/// Packages call these programs during installation, and fail if they fail. There is nothing for them to do in a node:
/// services run, and the boot menu is written, when the node is deployed.
struct NodeEnvironment {
  /// The directory, outside the sandbox.
  let path: FilePath

  /// Makes the directory, and replaces files that are missing or wrong.
  init(in store: Store) throws {
    path = store.root.appending("ast/inside")
    try Store.makeDirectory("ast/inside", in: store.root)
    try Store.makeDirectory("ast/inside/bin", in: store.root)
    try require(Data(PackageResources.stand_in), at: path.appending("stand-in"), mode: 0o755)
    for name in Self.programs { try requireLink(path.appending("bin/\(name)"), to: "../stand-in") }
    try require(Data(Self.aptConfiguration.utf8), at: path.appending("apt.conf"), mode: 0o644)
  }

  /// The resolv.conf of a network of its own.
  func resolver() throws -> Sandbox.Bind {
    let file = path.appending("resolv.conf")
    try require(Data(Self.resolverText(isOwn: true).utf8), at: file, mode: 0o644)
    return Sandbox.Bind(file, at: Sandbox.Bind.resolverConfiguration.target)
  }

  /// The text of the resolv.conf of a network, the machine's or one of its own.
  static func resolverText(isOwn: Bool) -> String {
    let place = Sandbox.Bind.resolverConfiguration.source
    let host = String(decoding: (try? Data(contentsOf: URL(filePath: place.string))) ?? Data(), as: UTF8.self)
    let servers = UserNetwork.nameServers
    return isOwn ? ResolverConfiguration(host).text(ipv4: servers.ipv4, ipv6: servers.ipv6) : host
  }

  private func requireLink(_ link: FilePath, to target: String) throws {
    var (found, wanted) = (stat(), stat())
    guard
      stat(link.string, &found) != 0 || stat(path.appending("stand-in").string, &wanted) != 0
        || found.st_ino != wanted.st_ino
    else { return }
    let temporary = FilePath("\(link).new-\(UUID())")
    try Files.makeLink(temporary, to: target)
    try Files.rename(temporary, to: link)
  }

  private func require(_ data: Data, at file: FilePath, mode: mode_t) throws {
    guard (try? Data(contentsOf: URL(filePath: file.string))) != data || access(file.string, R_OK) != 0 else { return }
    // Several threads and processes may do this at once.
    let temporary = FilePath("\(file).new-\(UUID())")
    try Files.write(data, to: temporary)
    try Files.setMode(temporary, mode)
    try Files.rename(temporary, to: file)
  }

  /// The directory, inside the sandbox.
  static let inside: FilePath = "/run/ast/inside"
  /// The PATH inside the sandbox.
  static let searchPath = "\(inside)/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  private static let programs = [
    "systemctl", "service", "invoke-rc.d", "deb-systemd-invoke", "udevadm", "telinit", "shutdown", "reboot", "poweroff",
    "halt", "mkinitramfs", "update-grub", "update-grub2", "grub-install", "grub-mkconfig", "efibootmgr",
  ]
  /// apt gives dpkg its own PATH (apt.conf(5), `DPkg::Path`). apt's binary caches stay out of the node: listing
  /// packages would leave 100 MB there.
  private static let aptConfiguration = """
    DPkg::Path "\(searchPath)";
    Dir::Cache::pkgcache "";
    Dir::Cache::srcpkgcache "";

    """
}
