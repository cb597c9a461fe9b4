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

/// A boot menu that is prepared: publishing it cannot fail because of what it says.
protocol PublishableMenu {
  /// The menu.
  var contents: MenuContents { get }
  /// Makes GRUB see it.
  func install() throws
}

/// The files of the boot menu that are to be replaced. They are written beside the present ones and checked, so that
/// their contents cannot make the publishing fail.
struct PreparedMenu: PublishableMenu {
  /// The menu that they are made of.
  let contents: MenuContents
  private let machine: Machine
  /// The names of the files, relative to the directory of the boot loader.
  private let changed: [FilePath]
  private let obsolete: [FilePath]

  /// Writes the files that differ from the present ones; nil when there is nothing to replace.
  ///
  /// - Throws: `AstError` when a file cannot be written, or GRUB would not understand it; nothing has changed then.
  init?(_ contents: MenuContents, on machine: Machine) throws {
    self.contents = contents
    self.machine = machine
    var files = [Self.first: Data(contents.menu.text.utf8), Self.units: Data(StartUnits.archive)]
    for page in contents.menu.pages { files[Self.directory.appending(page.name)] = Data(page.text.utf8) }
    let directory = RootDirectory(machine.path(of: Machine.grub))
    try Self.removeLeftovers(in: directory)
    var changed: [FilePath] = []
    for (name, content) in files.sorted(by: { $0.key.string < $1.key.string }) {
      guard try directory.contents(of: name) != content else { continue }
      if name != Self.units { try ChildProcess("grub-script-check", []).run(reading: content) }
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

  /// Whether the disk has a menu.
  static func isPresent(on machine: Machine) throws -> Bool {
    try RootDirectory(machine.path(of: Machine.grub)).size(of: first) != nil
  }

  /// Removes the files that a killed command had prepared.
  private static func removeLeftovers(in directory: RootDirectory) throws {
    let suffixes = [".new", ".new.ast-new"]
    for entry in try directory.entries(of: Self.directory) where suffixes.contains(where: entry.name.hasSuffix) {
      unlink(directory.path.pushing(Self.directory).appending(entry.name).string)
    }
  }

  private static func write(_ content: Data, to name: FilePath, in directory: RootDirectory) throws {
    do {
      try directory.write(content, to: name)
    } catch let error as FileError where error.errno != .noSpace {
      throw AstError(
        .failed, "the boot menu cannot be written: \(error.errno)", state: .unchanged, hint: "is /boot/grub writable?")
    }
  }

  /// Replaces the files; ``first`` comes last, because it names the others. After this GRUB sees the new menu.
  func install() throws {
    let directory = machine.path(of: Machine.grub)
    // The new files must be complete on the disk before they are renamed.
    try machine.sync()
    for name in changed.sorted(by: { $0 != Self.first && $1 == Self.first }) {
      try Files.rename(directory.pushing(Self.new(name)), to: directory.pushing(name))
      failPoint("menu file in place")
    }
    for name in obsolete { unlink(directory.pushing(name).string) }
    try machine.sync()
    failPoint("menu published")
  }

  private static let directory: FilePath = "ast"
  private static let first: FilePath = "ast/menu.cfg"
  private static let units = directory.appending(StartUnits.name)
  private static func new(_ name: FilePath) -> FilePath { FilePath("\(name).new") }
}

/// A menu, and the state of the database that it was made of.
struct MenuContents: Equatable {
  let menu: BootMenu
  /// The database's `dataVersion`: while it stays, no other command has committed anything, so none has published a menu
  /// of other contents.
  let dataVersion: Int
}

/// The boot menu, made of what is in the database.
extension Store {
  /// The menu that is to be published; nil if nothing is deployed, or the published menu is right.
  ///
  /// A process compares the files themselves until it has published the menu, or found it right. From then on it does so
  /// only if the menu differs from that one, or another command has changed the tree.
  func preparedMenu() throws -> (any PublishableMenu)? {
    guard try hasMenu() else { return nil }
    return try preparedMenuOfMachine()
  }

  /// Whether there is, or was until this change, anything in the menu. A store from which nothing boots is not on a disk
  /// with a boot loader, and finding that out takes a mount.
  private func hasMenu() throws -> Bool {
    try !tree.deployments().isEmpty || tree.doomed().contains { $0.path.starts(with: "deploy") }
  }

  /// Publishes the menu if it names deployments although there are none: an older ast left it so.
  ///
  /// - Returns: whether it did.
  package func publishEmptyMenu() throws -> Bool {
    guard try !hasMenu(), let prepared = try preparedMenuOfMachine() else { return false }
    try publish(prepared)
    return true
  }

  private func preparedMenuOfMachine() throws -> (any PublishableMenu)? {
    var contents: MenuContents?
    if let publishedMenu {
      contents = try menuContents()
      if contents == publishedMenu { return nil }
    }
    guard let machine = try Machine(around: root) else { return nil }
    let volume = try BootVolume(of: root)
    // A disk that never had a menu needs none.
    if try tree.deployments().isEmpty, try !isMenuPresent(on: machine, volume) { return nil }
    let made = try contents ?? menuContents()
    // If the change fails after this, new files are left beside the present ones, and the next change removes them.
    publishedMenu = nil
    guard let prepared = try prepare(made, on: machine, volume) else {
      publishedMenu = made
      return nil
    }
    return prepared
  }

  private func isMenuPresent(on machine: Machine, _ volume: BootVolume?) throws -> Bool {
    guard let volume else { return try PreparedMenu.isPresent(on: machine) }
    return try MenuSlots.isPresent(on: volume)
  }

  private func prepare(
    _ contents: MenuContents, on machine: Machine, _ volume: BootVolume?
  ) throws -> (any PublishableMenu)? {
    guard let volume else { return try PreparedMenu(contents, on: machine) }
    return try volume.naming { try PreparedVolumeMenu(contents, on: volume, of: self) }
  }

  /// Publishes a menu that was prepared, if there is one.
  func publish(_ prepared: (any PublishableMenu)?) throws {
    guard let prepared else { return }
    try prepared.install()
    publishedMenu = prepared.contents
  }

  private func menuContents() throws -> MenuContents {
    MenuContents(menu: try bootMenu(), dataVersion: try tree.dataVersion)
  }

  private func bootMenu() throws -> BootMenu {
    let deployments = try tree.deployments().filter { $0.boot != nil }
    var menu = BootMenu(
      fileSystem: try FileSystem.uuid(of: root).uuidString.lowercased(), store: FilePath(Machine.store), machineID: "",
      deployments: try deployments.compactMap(menuEntry), nodes: try menuNodes())
    if let record = try AdoptionRecord(in: root), record.state != .forgotten {
      menu.before = BootMenu.Before(
        directory: record.bootDirectory, on: record.bootFileSystem, hasData: record.state == .made)
    }
    guard let id = try tree.defaultDeployment, let first = try tree.deployment(id), try isThere(first.path) else {
      return menu
    }
    let etc = RootDirectory(path(of: first))
    menu.machineID = try MachineIdentity.current(in: etc) ?? ""
    menu.environment = try bootEnvironment(in: etc)
    menu.hasSeveralDevices = try FileSystem.hasSeveralDevices(root)
    menu.resume = try hibernationPlace(in: etc, arguments: first.boot?.arguments ?? "").arguments
    menu.choice = BootMenu.Choice(
      deployment: id.rawValue, token: try tree.bootToken, fallback: try tree.previousDeployment?.rawValue)
    menu.once = try tree.onceDeployment.map { BootMenu.Once(deployment: $0.rawValue, token: try tree.onceToken) }
    return menu
  }

  private func menuEntry(_ deployment: Deployment) throws -> BootMenu.Deployment? {
    guard let boot = deployment.boot, try isThere(deployment.path) else { return nil }
    let origin = try tree.generation(of: deployment.node, deployment.generation)?.subvolume
    let title = try title(
      deployment.node, deployment.generation, deployment.created,
      system: systemNames.name(in: origin, at: root.pushing(deployment.path)))
    return BootMenu.Deployment(
      id: deployment.id.rawValue, system: BootMenu.System(title, deployment.path, boot),
      isTrying: deployment.state == .trying, isPinned: deployment.isPinned)
  }

  /// The file in which GRUB keeps its notes on the machine whose root this is: on the EFI system partition, because GRUB
  /// writes to no btrfs (GRUB manual, 15.1 "GRUB environment block").
  package func bootEnvironment(in root: RootDirectory) throws -> BootEnvironmentPlace? {
    let uuid = Fstab(try root.contents(of: "/etc/fstab") ?? Data()).uuid(at: "/boot/efi")
    return uuid.map { BootEnvironmentPlace(fileSystem: $0) }
  }

  /// Where the machine whose root this is keeps its memory when it hibernates.
  ///
  /// - Parameter arguments: its kernel's.
  package func hibernationPlace(in root: RootDirectory, arguments: String) throws -> HibernationPlace {
    HibernationPlace(
      arguments: KernelArguments(arguments).words,
      configuration: try root.contents(of: "/etc/initramfs-tools/conf.d/resume") ?? Data(),
      table: Fstab(try root.contents(of: "/etc/fstab") ?? Data()),
      encrypted: try root.contents(of: "/etc/crypttab") ?? Data())
  }

  /// Whether a subvolume exists. `doctor` reports one that was deleted behind ast's back; the rest must still boot.
  private func isThere(_ path: FilePath) throws -> Bool { try Subvolume.isSubvolume(at: root.pushing(path)) }

  private func menuNodes() throws -> [BootMenu.System] {
    try tree.currentGenerations().compactMap { generation in
      guard let boot = generation.boot, try isThere(generation.path) else { return nil }
      let title = try title(
        generation.node, generation.number, generation.created,
        system: systemNames.name(in: generation.subvolume, at: path(of: generation)))
      return BootMenu.System(title, generation.path, boot)
    }
  }

  private func title(
    _ node: NodeID, _ generation: GenerationNumber, _ date: Date, system: String
  ) throws -> BootMenuTitle {
    BootMenuTitle(
      node: node.rawValue, generation: generation.rawValue, date: date, description: try self.node(node).description,
      system: system)
  }
}

extension BootMenu.System {
  fileprivate init(_ title: BootMenuTitle, _ subvolume: FilePath, _ boot: BootFiles) {
    self.init(
      title: title, subvolume: subvolume, kernel: FilePath(boot.kernel), initrd: FilePath(boot.initrd),
      arguments: boot.arguments)
  }
}
