import FoundationEssentials
import SystemPackage
import TestSupport

/// A disk with a small system that can be adopted, in one of the common layouts.
final class AdoptableDisk: Sendable {
  /// The place of the root.
  enum Layout: String, CaseIterable, Sendable {
    /// In `@rootfs`, as the Debian installer makes it.
    case installer
    /// At the top level.
    case top
    /// In `@`, with /home in `@home`.
    case home
  }

  /// The top level of the file system.
  let top: FilePath
  /// The mount point of the root.
  let root: FilePath
  let layout: Layout
  private let disk: LoopBtrfs

  /// The subvolume of the root, as a path at the top level.
  var subvolume: String { ["installer": "@rootfs", "home": "@"][layout.rawValue] ?? "" }

  init(_ layout: Layout) throws {
    self.layout = layout
    disk = try LoopBtrfs.small(size: 1 << 30)
    top = disk.root
    // Mounts inside the file system go with its mount.
    root = layout == .top ? top : top.appending("mounts/root")
    if layout != .top {
      try runSuccessfully(["btrfs", "subvolume", "create", top.appending(subvolume).string])
      try mount(subvolume, at: root)
    }
    if layout == .home {
      try runSuccessfully(["btrfs", "subvolume", "create", top.appending("@home").string])
      try mount("@home", at: root.appending("home"))
    }
    try AdoptableRoot.fill(root, mounting: table)
  }

  deinit { disk.remove() }

  /// Runs `ast adopt` on it.
  func adopt(_ arguments: String..., root: FilePath? = nil, environment: [String: String] = [:]) throws -> CommandResult
  {
    try run(
      [AstBinary.path.string, "adopt", "--root", (root ?? self.root).string] + arguments,
      environment: plainEnvironment.merging(environment) { $1 })
  }

  /// Does the work of a deployment at its first start.
  func start(environment: [String: String] = [:]) throws -> CommandResult {
    let deployment = top.appending("mounts/deployment")
    try mount("@snapshots/deploy/1/root", at: deployment)
    defer { _ = try? run(["umount", deployment.string]) }
    return try adopt("--finish", root: deployment, environment: environment)
  }

  /// Runs `ast adopt` in the deployment; no other part of the disk is mounted.
  func inDeployment(_ arguments: String..., environment: [String: String] = [:]) throws -> CommandResult {
    let script = """
      disk=$(findmnt -no SOURCE "$TOP" | sed 's/\\[.*//')
      mount -o subvol=@snapshots/deploy/1/root "$disk" /mnt && umount --recursive "$TOP" && exec "$@"
      """
    return try run(
      ["unshare", "--mount", "sh", "-ec", script, "sh", AstBinary.path.string, "adopt", "--root", "/mnt"] + arguments,
      environment: plainEnvironment.merging(["TOP": top.string]) { $1 }.merging(environment) { $1 })
  }

  /// The store that was made.
  var store: TestStore { TestStore(existing: top.appending("@snapshots")) }

  /// Deletes everything that was made, including the data.
  func deleteAll() throws {
    for name in try subvolumes.reversed() where name.hasPrefix("@snapshots") || made.contains(String(name)) {
      try runSuccessfully(["btrfs", "subvolume", "delete", top.appending(name).string])
    }
  }

  private let made: Set<String> = ["@var", "@home", "@root", "@srv", "@grub", "@var/lib/machines"]

  /// The paths of all subvolumes.
  var subvolumes: [String] {
    get throws {
      try runSuccessfully(["btrfs", "subvolume", "list", top.string]).split(separator: "\n").compactMap {
        $0.split(separator: " ").last.map(String.init)
      }.sorted()
    }
  }

  /// A checksum of the system's root, except custom.cfg and the subvolumes that are made beside it.
  func checksum() throws -> String {
    let script = """
      find . -xdev -mindepth 1 ! -path './mounts*' ! -path './@*' ! -path "./boot/grub/custom.cfg*" \
        '(' -type d -printf '%y %m %U:%G %P\\n' -o -printf '%y %m %U:%G %l %s %P\\n' ')' | LC_ALL=C sort
      """
    return try runSuccessfully(["sh", "-c", script], in: root)
  }

  /// The file that the boot loader reads.
  var customFile: String? {
    try? String(contentsOfFile: root.appending("boot/grub/custom.cfg").string, encoding: .utf8)
  }

  /// The entries of the new boot menu.
  var menu: String {
    get throws { try String(contentsOfFile: top.appending("@grub/ast/menu.cfg").string, encoding: .utf8) }
  }

  private func mount(_ subvolume: String, at place: FilePath) throws {
    try runSuccessfully(["mkdir", "-p", place.string])
    let device = try runSuccessfully(["findmnt", "-no", "SOURCE", top.string]).prefix { $0 != "\n" && $0 != "[" }
    try runSuccessfully(["mount", "-o", "subvol=\(subvolume)", String(device), place.string])
  }

  /// The mounts in /etc/fstab.
  private var table: String {
    get throws {
      let uuid = try runSuccessfully(["findmnt", "-no", "UUID", top.string]).prefix { $0 != "\n" }
      let options = subvolume.isEmpty ? "defaults" : "defaults,subvol=\(subvolume)"
      let home = layout == .home ? "UUID=\(uuid) /home btrfs subvol=@home 0 0\n" : ""
      return "# mine\nUUID=\(uuid) / btrfs \(options),compress=zstd:1 0 0\n\(home)LABEL=x /data ext4 noauto 0 2\n"
    }
  }
}
