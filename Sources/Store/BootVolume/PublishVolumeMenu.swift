import Btrfs
import FoundationEssentials
import Glibc
import Grub
import Host
import Rootfs
import SnapshotTree
import SystemPackage

/// A menu on a boot volume that is to be published. When it is prepared, the copies that it names are on the disk, and
/// its files are in the slot that is not in use.
struct PreparedVolumeMenu: PublishableMenu {
  let contents: MenuContents
  private let volume: BootVolume
  private let slots: MenuSlots
  /// The slot to be chosen; nil if the present menu stays, and only copies are removed.
  private let slot: Int?
  /// The names of the copies that the menu needs.
  private let needed: Set<String>
  private let leftOut: LeftOutNodes
  private let warn: (String) -> Void

  /// Makes the copies and writes the menu; nil when everything is as it has to be.
  ///
  /// - Throws: `AstError` when something cannot be written, or does not fit; what GRUB finds is unchanged then.
  init?(_ contents: MenuContents, on volume: BootVolume, of store: Store) throws {
    self.contents = contents
    self.volume = volume
    warn = store.warn
    let slots = try MenuSlots(on: volume, warning: store.warn)
    self.slots = slots
    var stock = try BootStock(of: store, on: volume, in: slots)
    defer { stock.digests.save() }
    let (menu, leftOut) = try stock.supply(contents.menu)
    needed = stock.needed
    self.leftOut = try LeftOutNodes(leftOut, in: store.root)
    let isRight = try slots.chosen.map { try slots.has(menu, in: $0) } ?? false
    if isRight {
      slot = nil
      let isClean = try !stock.copies.hasMore(than: needed)
      if isClean, self.leftOut.areRecorded { return nil }
    } else {
      let other = slots.chosen == 0 ? 1 : 0
      try slots.write(menu, to: other)
      slot = other
    }
    failPoint("menu written")
  }

  /// Makes GRUB see the new menu, and removes the copies that it does not need.
  func install() throws {
    try volume.naming {
      if let slot { try slots.choose(slot) }
      failPoint("menu published")
      var copies = try BootCopies(on: volume, warning: warn)
      try copies.remove(except: needed)
      try leftOut.record()
    }
  }
}

/// The files of the boot menu on a boot volume.
struct MenuSlots {
  private let volume: BootVolume
  private let warn: (String) -> Void
  /// The slot that GRUB reads; nil if it reads none.
  let chosen: Int?

  init(on volume: BootVolume, warning warn: @escaping (String) -> Void) throws {
    self.volume = volume
    self.warn = warn
    let loader = RootDirectory(volume.loader)
    let text = try loader.beginning(of: BootMenu.slotFile, count: 1024)
    let first = try loader.contents(of: Self.first)
    chosen =
      first == Data(BootMenu.slotsText.utf8)
      ? text.flatMap { BootMenu.slot(chosenBy: String(decoding: $0, as: UTF8.self)) } : nil
  }

  /// Whether there is a menu on a volume.
  static func isPresent(on volume: BootVolume) throws -> Bool {
    try RootDirectory(volume.loader).size(of: first) != nil
  }

  /// The names of the copies that the menu on the disk names.
  func namedCopies() throws -> Set<String> {
    guard let chosen else { return [] }
    let directory = BootMenu.directory(ofSlot: chosen)
    let prefix = "/\(BootCopies.directory)/"
    var names: Set<String> = []
    for file in try files(in: directory) where file.extension == "cfg" {
      let text = String(decoding: try RootDirectory(volume.loader).contents(of: file) ?? Data(), as: UTF8.self)
      for part in text.split(separator: prefix, omittingEmptySubsequences: false).dropFirst() {
        let name = String(part.prefix(32))
        if BootFileDigests.isDigest(name) { names.insert(name) }
      }
    }
    return names
  }

  /// Whether a slot has exactly the files of a menu.
  func has(_ menu: BootMenu, in slot: Int) throws -> Bool {
    let wanted = Self.files(of: menu, in: slot)
    let loader = RootDirectory(volume.loader)
    guard try Set(files(in: BootMenu.directory(ofSlot: slot))) == Set(wanted.keys) else { return false }
    return try wanted.allSatisfy { try loader.contents(of: $0.key) == $0.value }
  }

  /// Writes a menu to a slot that is not chosen.
  ///
  /// Its files are replaced as safely as if GRUB read them: after a power cut, FAT could otherwise give the space of
  /// another file away.
  func write(_ menu: BootMenu, to slot: Int) throws {
    let directory = BootMenu.directory(ofSlot: slot)
    try volume.makeDirectory(BootVolumeRecord.loader.pushing(directory))
    let wanted = Self.files(of: menu, in: slot)
    for file in try files(in: directory) where wanted[file] == nil { try self.file(file).remove(warning: warn) }
    for (name, content) in wanted.sorted(by: { $0.key.string < $1.key.string }) {
      guard try RootDirectory(volume.loader).contents(of: name) != content else { continue }
      if name.extension == "cfg" { try ChildProcess("grub-script-check", []).run(reading: content) }
      try file(name).replace(with: content, mode: 0o600, warning: warn)
    }
    try volume.sync()
  }

  /// Makes GRUB read another slot. The first menu on a volume gets its first file last.
  func choose(_ slot: Int) throws {
    let text = Array(BootMenu.slotText(choosing: slot).utf8)
    if chosen != nil {
      try file(BootMenu.slotFile).overwriteSector(with: text)
    } else {
      try file(BootMenu.slotFile).replace(with: text, mode: 0o600, warning: warn)
      failPoint("slot chosen")
      try file(Self.first).replace(with: Array(BootMenu.slotsText.utf8), mode: 0o600, warning: warn)
    }
  }

  private static let first: FilePath = "ast/menu.cfg"

  private func file(_ name: FilePath) throws -> BootLoaderFile { try BootLoaderFile(volume.loader.pushing(name)) }

  private func files(in directory: FilePath) throws -> [FilePath] {
    try RootDirectory(volume.loader).entries(of: directory).map { directory.appending($0.name) }
  }

  private static func files(of menu: BootMenu, in slot: Int) -> [FilePath: Data] {
    var menu = menu
    menu.directory = BootMenu.directory(ofSlot: slot)
    var files = [
      menu.directory.appending("menu.cfg"): Data(menu.text.utf8),
      menu.directory.appending(StartUnits.name): Data(StartUnits.archive),
    ]
    for page in menu.pages { files[menu.directory.appending(page.name)] = Data(page.text.utf8) }
    return files
  }
}
