import Btrfs
import DebianFormats
import Etc
import FoundationEssentials
import Glibc
import Host
import Rootfs
import Sandbox
import Store
import SystemPackage

/// What `adopt` would make of a system. A plan exists only for a system that can be adopted.
public struct AdoptionPlan: Sendable {
  /// The subvolume of the root, from the top level of the file system; empty for the top level itself.
  public let subvolume: FilePath
  /// The subvolumes to be made at the top level.
  public let made: [String]
  /// The directories whose content goes to a subvolume of their own at the next start.
  public let data: [FilePath]
  /// The separate mounts, which stay.
  public let kept: [FilePath]
  /// The directories that are read-only when a deployment runs.
  public let readOnly: [FilePath]
  /// Subvolumes inside the root, which do not come into a node.
  public let leftBehind: [FilePath]
  /// Whether GRUB can count how often a deployment was tried.
  public let countsTries: Bool
  /// Whether ast takes nothing but security updates, as unattended-upgrades does in the system.
  public let updatesSecurityOnly: Bool
  /// What GRUB gets through to the file system, in its words; nil if that is one partition.
  public let boot: String?
  /// Whether /boot is a file system of its own, which stays the old system's.
  public let keepsBoot: Bool
  /// What is left of an ext4 that the file system was before.
  public let savedExt4: SavedExt4?
  /// The free space of the file system, in bytes.
  public let available: Int64
  /// Why the last adoption was taken back by itself.
  public let lastFailure: String?

  /// The directories for which a subvolume is made if they are not mounted separately.
  static let dataDirectories = ["var", "home", "root", "srv"]

  /// The place of the root, for the user.
  public var layout: String {
    subvolume.isEmpty ? "the top level of the file system" : "the subvolume \(subvolume)"
  }

  /// Examines a system and the top level of its file system.
  ///
  /// - Throws: `AstError`, refused with a reason.
  init(of system: AdoptableSystem, top: FilePath, ignoring leftover: Leftover? = nil) throws {
    try AdoptionRefusals(system).check()
    subvolume = system.subvolume
    let (own, others) = try Self.partition(system)
    let data = own.map { FilePath("/\($0)") }
    self.data = data
    keepsBoot = try BootPartition(of: system.debian) != nil
    let kept = (others + system.fstab.entries.map(\.mountPoint)).uniqued().filter { $0 != "/" }
    self.kept = kept.filter { [keepsBoot] in !keepsBoot || $0 != BootPartition.place }.sorted { $0.string < $1.string }
    let names = own.map { "@\($0)" }
    made =
      [Machine.store] + names.filter { $0 == Machine.variable } + [Machine.grub]
      + names.filter { $0 != Machine.variable }
    let volume = try AdoptedBootVolume(of: system)
    boot = try volume?.description ?? Self.words(for: Storage(of: system.devices).layers, system.devices)
    savedExt4 = try SavedExt4(at: top, on: system.devices)
    let removable = try leftover?.names() ?? []
    for name in made.flatMap({ [$0, "\($0)\(TakeOver.suffix)"] }) where !removable.contains(name) {
      try Self.requireFree(name, at: top)
    }
    let nested = try Self.nested(in: system)
    leftBehind = nested.filter { path in
      !data.contains { path.starts(with: $0) } && path != FilePath("/\(SavedExt4.name)")
    }
    readOnly = try Self.readOnly(in: system)
    countsTries = try AdoptedBootEnvironment(of: system) != nil
    updatesSecurityOnly = try AdoptedUpdates(of: system).areSecurityOnly
    lastFailure = leftover?.reason
    available = try FileSystem.space(of: system.root).available
    guard available >= Self.neededSpace else {
      throw AstError(
        .noSpace,
        "there is too little space: \(available >> 20) MiB, and \(Self.neededSpace >> 20) are needed",
        state: .unchanged)
    }
    try volume?.requireRoom()
  }

  /// The space for the nodes' own files at first: modules, an initrd or two, the database.
  private static let neededSpace: Int64 = 512 << 20

  private static func words(for layers: [Storage.Layer], _ devices: [FilePath]) -> String? {
    let disks = devices.map(\.string).joined(separator: ", ")
    let words = layers.map(\.description) + (devices.count > 1 ? ["the btrfs on all of \(disks)"] : [])
    return words.isEmpty ? nil : words.joined(separator: ", ")
  }

  /// The data directories that are part of the root, and those that are mounted by /etc/fstab.
  private static func partition(_ system: AdoptableSystem) throws -> (own: [String], others: [FilePath]) {
    var (own, others): ([String], [FilePath]) = ([], [])
    for name in dataDirectories {
      let path = FilePath("/\(name)")
      var status = stat()
      let isThere = lstat(system.file(path).string, &status) == 0
      guard !isThere || status.st_mode & S_IFMT == S_IFDIR else {
        throw AdoptableSystem.refusal("\(path) is not a directory")
      }
      if system.hasLine(path) {
        others.append(path)
      } else if system.mount(at: path) != nil {
        throw AdoptableSystem.refusal(
          "\(path) is mounted, and /etc/fstab does not say so", hint: "give it a line there, or unmount it")
      } else {
        own.append(name)
      }
    }
    return (own, others)
  }

  private static func requireFree(_ name: String, at top: FilePath) throws {
    var status = stat()
    guard lstat(top.appending(name).string, &status) == 0 else { return }
    throw AdoptableSystem.refusal(
      "the top level of the file system has \(name) already",
      hint: "another program's snapshots, or what an earlier adoption left; rename it if nothing needs it by that name")
  }

  /// The subvolumes inside the root, except mounted ones if the root is the top level: all others are inside it then.
  private static func nested(in system: AdoptableSystem) throws -> [FilePath] {
    let mounted = Set(try MountTable.mounts().filter { $0.type == "btrfs" }.map(\.part))
    return try Subvolume(at: system.root).nested().compactMap { path in
      let inside = FilePath(root: "/", path.components.dropFirst(system.root.components.count))
      return mounted.contains(inside) && system.subvolume.isEmpty ? nil : inside
    }.sorted { $0.string < $1.string }
  }

  /// The directories that the user may be used to write to: /opt, /usr/local, and those that no package has made.
  private static func readOnly(in system: AdoptableSystem) throws -> [FilePath] {
    let owned = try PackageFiles(in: system.root, below: "/")
    let usual: Set<String> = [
      "boot", "dev", "etc", "lost+found", "media", "mnt", "opt", "proc", "run", "sys", "tmp", "usr", "var",
    ]
    let others = try RootDirectory(system.root).entries(of: "/").filter { entry in
      let path = FilePath("/\(entry.name)")
      return entry.isDirectory && !usual.contains(entry.name) && !dataDirectories.contains(entry.name)
        && !owned.contains(path) && system.mount(at: path) == nil && !entry.name.hasPrefix("@")
        && entry.name != SavedExt4.name
    }
    return (["/opt", "/usr/local"] + others.map { FilePath("/\($0.name)") }).filter { !system.hasLine($0) }
  }
}
