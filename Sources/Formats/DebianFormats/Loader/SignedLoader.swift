public import SystemPackage

/// Debian's signed boot loader for EFI firmware: where its packages have the files, and where the firmware and the files
/// themselves look for them on an EFI system partition.
///
/// The firmware starts shim, which has a signature of Microsoft. Shim starts the GRUB beside it, which has one of Debian.
/// This GRUB reads `EFI/debian/grub.cfg`, wherever it is itself: the directory's name is a part of what is signed.
public struct SignedLoader: Sendable {
  /// A program, in the order in which they are replaced: a new shim can revoke an old GRUB, and needs a new one.
  public enum Program: String, Sendable, CaseIterable {
    /// The manager of the machine owner's keys.
    case keyManager = "mm"
    /// The program that makes an entry in the firmware's boot menu if there is none.
    case fallback = "fb"
    case grub
    case shim
  }

  /// A directory of an EFI system partition in which the firmware looks, in the order in which they are written.
  public enum Directory: String, Sendable, CaseIterable {
    /// The entry of the firmware's boot menu leads here.
    case debian = "EFI/debian"
    /// Firmware that has no entry for the disk looks here (UEFI specification, 3.5.1.1).
    case removable = "EFI/BOOT"
  }

  private let architecture: DebianArchitecture

  /// The loader for machines of an architecture.
  public init(for architecture: DebianArchitecture) { self.architecture = architecture }

  /// The file of a package with a program.
  public func source(of program: Program) -> FilePath {
    let file = "\(program.rawValue)\(architecture.efiSuffix).efi.signed"
    guard program == .grub else { return FilePath("/usr/lib/shim/\(file)") }
    return FilePath("/usr/lib/grub/\(architecture.efiPlatform)-signed/\(file)")
  }

  /// The place of a program on an EFI system partition, from its top.
  public func place(of program: Program, in directory: Directory) -> FilePath {
    guard program == .shim, directory == .removable else {
      return FilePath("\(directory.rawValue)/\(program.rawValue)\(architecture.efiSuffix).efi")
    }
    return FilePath("\(directory.rawValue)/\(architecture.efiProgram)")
  }

  /// What an entry of the firmware's boot menu starts, in the firmware's spelling.
  public var entryPath: String { "\\EFI\\debian\\shim\(architecture.efiSuffix).efi" }

  /// The place of ``entries``.
  public var entriesPlace: FilePath { FilePath("EFI/debian/BOOT\(architecture.efiSuffix.uppercased()).CSV") }

  /// The file that tells ``Program/fallback`` which entry to make, in UTF-16. The packages have it not everywhere.
  public var entries: [UInt8] {
    let line = "shim\(architecture.efiSuffix).efi,debian,,This is the boot entry for debian"
    return [0xFF, 0xFE] + line.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
  }

  /// The place of the file that GRUB reads.
  public static let configurationPlace: FilePath = "EFI/debian/grub.cfg"

  /// The file that GRUB reads: it leads to the grub.cfg of the file system with this UUID.
  ///
  /// - Parameter directory: GRUB's directory there, from the top of the file system.
  public static func configuration(fileSystem: String, directory: String) -> String {
    """
    search --no-floppy --fs-uuid --set=root \(fileSystem)
    set prefix=($root)\(directory)
    configfile $prefix/grub.cfg

    """
  }

  /// The UUID of the file system that such a file leads to; nil if it is another kind of file.
  ///
  /// grub-install(8) of Debian writes `search.fs_uuid UUID root` instead, with hints behind it.
  public static func fileSystem(ofConfiguration text: String) -> String? {
    for line in text.split(separator: "\n") {
      let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
      switch words.first {
      case "search.fs_uuid": return words.dropFirst().first
      case "search" where words.contains("--fs-uuid") || words.contains("-u"):
        return words.dropFirst().last { !$0.hasPrefix("-") }
      default: continue
      }
    }
    return nil
  }
}
