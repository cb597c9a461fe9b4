public import SystemPackage

/// The menu on a boot volume: in one of two directories, called slots, that a file of one sector chooses between.
///
/// The chosen slot is never written. All files of a menu change at once, when that sector does, on FAT and ext4 alike.
extension BootMenu {
  /// A file system that GRUB reads without a secret, while it cannot read the roots.
  public struct Volume: Hashable, Sendable {
    /// Its UUID.
    public var fileSystem: String

    /// A file system with this UUID.
    public init(fileSystem: String) { self.fileSystem = fileSystem }
  }

  /// The content of `ast/menu.cfg` on a boot volume, which never changes.
  public static let slotsText = """
    # The boot menu of ast is in one of two directories beside this file. \(slotFile.string) names it, and never grows.
    source $prefix/\(slotFile)
    source $prefix/ast/slot-$ast_slot/menu.cfg

    """

  /// The file that names the slot, below the directory of the boot loader.
  public static let slotFile: FilePath = "ast/select.cfg"

  /// The directory of a slot, below that of the boot loader.
  public static func directory(ofSlot slot: Int) -> FilePath { FilePath("ast/slot-\(slot)") }

  /// The content of that file: one sector, which a disk writes as a whole.
  public static func slotText(choosing slot: Int) -> String {
    let line = "set ast_slot=\(slot)\n"
    return line + String(repeating: "#", count: 511 - line.utf8.count) + "\n"
  }

  /// The slot that such a content chooses; nil if it is something else.
  public static func slot(chosenBy text: String) -> Int? { [0, 1].first { slotText(choosing: $0) == text } }
}
