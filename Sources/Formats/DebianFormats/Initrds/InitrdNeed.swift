/// Something that an initrd must have in it, so that the root of a machine can be mounted.
///
/// These are all: a kind of device, the kernel's modules for it, the programs that set it up, of which one is enough, and
/// the package that brings them into the initrds of a maker.
public struct InitrdNeed: Hashable, Sendable {
  /// The modules, without those that are part of the kernel.
  let modules: [String]
  /// The programs.
  let programs: [String]
  private let package: String
  private let packageForDracut: String?

  private init(_ modules: [String], _ programs: [String], from package: String, forDracut other: String? = nil) {
    self.modules = modules
    self.programs = programs
    self.package = package
    packageForDracut = other
  }

  /// The file system of every root.
  public static let btrfs = InitrdNeed(["btrfs"], [], from: "btrfs-progs")
  /// A disk that is encrypted.
  public static let encryption = InitrdNeed(
    ["dm-crypt"], ["cryptsetup", "systemd-cryptsetup"], from: "cryptsetup-initramfs", forDracut: "systemd-cryptsetup")
  /// The table of the disks that an initrd of cryptsetup-initramfs opens. Without a line in it, no passphrase is asked.
  public static let tableOfDisks = "cryptroot/crypttab"
  /// The script that reads it.
  private static let scriptForTable = "scripts/local-top/cryptroot"
  /// A logical volume.
  public static let logicalVolumes = InitrdNeed(["dm-mod"], ["lvm"], from: "lvm2")
  /// A software RAID of a level, as the kernel writes it: `raid1`.
  static func raid(_ level: String) -> InitrdNeed {
    InitrdNeed([modulesOfLevels[level]].compactMap(\.self), ["mdadm"], from: "mdadm")
  }

  /// What a kind of device needs below the file system; nil if the kernel alone can use it.
  ///
  /// - Parameter type: the kind as lsblk(8) calls it in the column TYPE.
  public init?(deviceType type: String) {
    switch type {
    case "crypt": self = .encryption
    case "lvm": self = .logicalVolumes
    case _ where type == "linear" || type.hasPrefix("raid"): self = .raid(type)
    default: return nil
    }
  }

  /// drivers/md/Kconfig of Linux.
  private static let modulesOfLevels = [
    "raid0": "raid0", "raid1": "raid1", "raid10": "raid10", "raid4": "raid456", "raid5": "raid456", "raid6": "raid456",
  ]

  /// The package that brings what is needed into the initrds of a maker.
  public func package(for maker: InitrdMaker?) -> String {
    maker == .dracut ? packageForDracut ?? package : package
  }

  /// What an initrd does not have of it, by the names of files.
  ///
  /// - Parameters:
  ///   - files: the paths of the files in the initrd.
  ///   - version: the version of the kernel, whose modules have a directory of that name.
  ///   - modules: the modules of the kernel that are files. Others are part of it, or it does not have them.
  public func missing(in files: Set<String>, of version: String, with modules: KernelModules) -> [String] {
    // A few names are looked for among some thousands of paths.
    let lacking = self.modules.filter { name in
      modules.has(name)
        && !files.contains { path in
          path.contains("modules/\(version)/")
            && path.split(separator: "/").last.flatMap(KernelModules.name(ofFile:))
              == KernelModules.canonical(name)
        }
    }
    // In an initrd with systemd, nothing starts the other program.
    let startsSystemd = files.contains { $0 == "lib/systemd/systemd" || $0 == "usr/lib/systemd/systemd" }
    let programs = self == .encryption && startsSystemd ? ["systemd-cryptsetup"] : self.programs
    let lacksTable =
      self == .encryption && files.contains(Self.scriptForTable) && !files.contains(Self.tableOfDisks)
    let hasProgram =
      programs.isEmpty
      || files.contains { path in
        let parts = path.split(separator: "/")
        return parts.last.map { programs.contains(String($0)) } == true
          && parts.dropLast().last.map { Self.programPlaces.contains(String($0)) } == true
      }
    return lacking.map { "\($0).ko" } + (hasProgram ? [] : programs.prefix(1).map(\.self))
      + (lacksTable ? [Self.tableOfDisks] : [])
  }

  /// Whether an initrd can be without it: the kernel has all of it.
  public func isMet(by modules: KernelModules) -> Bool {
    programs.isEmpty && !self.modules.contains(where: modules.has)
  }

  /// The directories of programs: scripts of the same names are in others.
  private static let programPlaces: Set = ["bin", "sbin", "systemd"]
}

/// A program that makes initrds.
public enum InitrdMaker: String, CaseIterable, Sendable {
  case initramfsTools = "mkinitramfs"
  case dracut

  /// The command that makes the initrd of a kernel anew, by its file.
  public func command(for version: String) -> [String] {
    let initrd = "/boot/initrd.img-\(version)"
    return switch self {
    case .initramfsTools: ["mkinitramfs", "-o", initrd, version]
    case .dracut: ["dracut", "--quiet", "--force", initrd, version]
    }
  }

  /// The settings that decide what is in it, for people.
  public var settings: String {
    switch self {
    case .initramfsTools: "MODULES in /etc/initramfs-tools"
    case .dracut: "/etc/dracut.conf.d"
    }
  }

  /// The path of the program.
  public var program: String { self == .initramfsTools ? "/usr/sbin/mkinitramfs" : "/usr/bin/dracut" }
}

/// The modules of a kernel that are files, as modules.dep(5) names them.
public struct KernelModules: Sendable {
  private let names: Set<String>

  /// Reads the text of modules.dep.
  public init(_ text: some Collection<UInt8>) {
    names = Set(
      text.split(separator: UInt8(ascii: "\n")).compactMap { line in
        let path = line.prefix { $0 != UInt8(ascii: ":") }
        return path.split(separator: UInt8(ascii: "/")).last.flatMap {
          Self.name(ofFile: Substring(decoding: $0, as: UTF8.self))
        }
      })
  }

  /// Whether a module is a file.
  public func has(_ name: String) -> Bool { names.contains(Self.canonical(name)) }

  /// The name of the module in a file, which may be compressed; nil if it is something else.
  static func name(ofFile file: Substring) -> String? {
    guard let suffix = suffixes.first(where: file.hasSuffix) else { return nil }
    return canonical(file.dropLast(suffix.count))
  }

  /// To the kernel, `-` and `_` in the name of a module are the same (modprobe(8)).
  static func canonical(_ name: some StringProtocol) -> String { String(name.map { $0 == "-" ? "_" : $0 }) }

  private static let suffixes = [".ko", ".ko.xz", ".ko.zst", ".ko.gz"]
}
