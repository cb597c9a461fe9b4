import Btrfs
import DebianFormats
import Etc
import FoundationEssentials
import Glibc
import Grub
import Host
import Rootfs
import Sandbox
import SnapshotTree
import SystemPackage

/// The files of the boot menu that are to be replaced: written beside the present ones and found in order, so that
/// nothing is left that can fail for a reason of theirs.
struct PreparedMenu {
  private let machine: Machine
  /// The names of the files, relative to the directory of the boot loader.
  private let changed: [FilePath]
  private let obsolete: [FilePath]

  /// Writes those of `files` that are not what is there already; nil when there is nothing to replace.
  ///
  /// - Throws: `AstError` when a file cannot be written, or GRUB would not understand it; nothing has changed then.
  init?(_ files: [FilePath: String], on machine: Machine) throws {
    self.machine = machine
    let directory = RootDirectory(machine.path(of: Machine.grub))
    try Self.removeLeftovers(in: directory)
    var changed: [FilePath] = []
    for (name, text) in files.sorted(by: { $0.key.string < $1.key.string }) {
      let content = Data(text.utf8)
      guard try directory.contents(of: name) != content else { continue }
      try ChildProcess("grub-script-check", []).run(reading: content)
      try Self.write(content, to: Self.new(name), in: directory)
      changed.append(name)
    }
    let present = try directory.entries(of: Self.directory).map { Self.directory.appending($0.name) }
    obsolete = present.filter { name in
      name.extension == "cfg" && name.lastComponent?.string.hasPrefix("tree-") ?? false && files[name] == nil
    }
    guard !changed.isEmpty || !obsolete.isEmpty else { return nil }
    self.changed = changed
    failPoint("menu written")
  }

  /// Removes what a command that died had prepared.
  private static func removeLeftovers(in directory: RootDirectory) throws {
    for entry in try directory.entries(of: Self.directory) where entry.name.hasSuffix(".new") {
      unlink(directory.path.pushing(Self.directory).appending(entry.name).string)
    }
  }

  private static func write(_ content: Data, to name: FilePath, in directory: RootDirectory) throws {
    do {
      try directory.write(content, to: name)
    } catch let error as Errno where error != .noSpace {
      throw AstError(
        .failed, "the boot menu cannot be written: \(error)", state: .unchanged, hint: "is /boot/grub writable?")
    }
  }

  /// Replaces the files, the first one last: it is the one that names the others. After this GRUB sees the new menu.
  func install() throws {
    let directory = machine.path(of: Machine.grub)
    // What is renamed is complete on the disk then.
    try machine.sync()
    for name in changed.sorted(by: { $0 != Self.first && $1 == Self.first }) {
      guard rename(directory.pushing(Self.new(name)).string, directory.pushing(name).string) == 0 else {
        throw Errno(rawValue: errno)
      }
      failPoint("menu file in place")
    }
    for name in obsolete { unlink(directory.pushing(name).string) }
    try machine.sync()
    failPoint("menu published")
  }

  fileprivate static let directory: FilePath = "ast"
  fileprivate static let first: FilePath = "ast/menu.cfg"
  private static func new(_ name: FilePath) -> FilePath { FilePath("\(name).new") }
}

/// The boot menu, made of what is in the database.
extension Store {
  /// The menu that is to be published; nil where nothing is deployed, and where the menu is what it should be.
  func preparedMenu() throws -> PreparedMenu? {
    guard try !tree.deployments().isEmpty, let machine = try Machine(around: root) else { return nil }
    let menu = try bootMenu(on: machine)
    var files = [PreparedMenu.first: menu.text]
    for page in menu.pages { files[PreparedMenu.directory.appending(page.name)] = page.text }
    return try PreparedMenu(files, on: machine)
  }

  private func bootMenu(on machine: Machine) throws -> BootMenu {
    let deployments = try tree.deployments().filter { $0.boot != nil }
    var menu = BootMenu(
      fileSystem: machine.fileSystem.uuidString.lowercased(), store: FilePath(Machine.store), machineID: "",
      deployments: try deployments.compactMap(menuEntry), nodes: try menuNodes())
    if let record = try AdoptionRecord(in: root), record.state != .forgotten {
      menu.before = BootMenu.Before(directory: record.bootDirectory, hasData: record.state == .made)
    }
    guard let id = try tree.defaultDeployment, let first = try tree.deployment(id), try isThere(first.path) else {
      return menu
    }
    let etc = RootDirectory(path(of: first))
    menu.machineID = try MachineIdentity.current(in: etc) ?? ""
    menu.environment = try bootEnvironment(in: etc)
    menu.choice = BootMenu.Choice(
      deployment: id.rawValue, token: try tree.bootToken, fallback: try tree.previousDeployment?.rawValue)
    menu.once = try tree.onceDeployment.map { BootMenu.Once(deployment: $0.rawValue, token: try tree.onceToken) }
    return menu
  }

  private func menuEntry(_ deployment: Deployment) throws -> BootMenu.Deployment? {
    guard let boot = deployment.boot, try isThere(deployment.path) else { return nil }
    return BootMenu.Deployment(
      id: deployment.id.rawValue,
      system: try system(
        deployment.node, deployment.generation, deployment.created, deployment.path, boot),
      isTrying: deployment.state == .trying, isPinned: deployment.isPinned)
  }

  /// The file in which GRUB keeps its notes on the machine whose root this is: on the EFI system partition, because GRUB
  /// writes to no btrfs (GRUB manual, 15.1 "GRUB environment block").
  package func bootEnvironment(in root: RootDirectory) throws -> BootEnvironmentPlace? {
    let uuid = Fstab(try root.contents(of: "/etc/fstab") ?? Data()).uuid(at: "/boot/efi")
    return uuid.map { BootEnvironmentPlace(fileSystem: $0) }
  }

  /// What was deleted behind ast's back is for `doctor` to tell; the rest must go on booting.
  private func isThere(_ path: FilePath) throws -> Bool { try Subvolume.isSubvolume(at: root.pushing(path)) }

  private func menuNodes() throws -> [BootMenu.System] {
    try tree.currentGenerations().compactMap { generation in
      guard let boot = generation.boot, try isThere(generation.path) else { return nil }
      return try system(generation.node, generation.number, generation.created, generation.path, boot)
    }
  }

  private func system(
    _ node: NodeID, _ generation: GenerationNumber, _ date: Date, _ path: FilePath, _ boot: BootFiles
  ) throws -> BootMenu.System {
    let release = try RootDirectory(root.pushing(path)).contents(of: "/usr/lib/os-release") ?? Data()
    return BootMenu.System(
      title: BootMenuTitle(
        node: node.rawValue, generation: generation.rawValue, date: date,
        description: try self.node(node).description, system: OSRelease(release).prettyName),
      subvolume: path, kernel: FilePath(boot.kernel), initrd: FilePath(boot.initrd), arguments: boot.arguments)
  }
}
