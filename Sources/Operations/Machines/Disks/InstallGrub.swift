import Boot
import DebianFormats
import FoundationEssentials
import Glibc
import Grub
import Host
import Store
import SystemPackage

/// Puts the GRUB of a base on a disk: for EFI Debian's signed one, and on amd64 one for BIOS, too.
///
/// It is the base's own GRUB and not the host's: another release may understand the menu's commands differently (`fwsetup
/// --is-supported` of 2.12 restarts into the firmware's setup with 2.06). grub-install(8) needs to see the disk, which no
/// program in a sandbox can, so its steps are done here: for EFI the signed files are copied; for BIOS an image is made by
/// grub-mkimage(1) in the sandbox, and modules are copied. The signed GRUB has its modules in itself, and does not work
/// with those of another version.
struct InstallGrub {
  /// The base whose GRUB it is.
  let base: BootstrapBase
  /// The directory with everything GRUB reads, as it is mounted now.
  let directory: FilePath
  /// The same directory as GRUB sees it.
  let place: LoaderPlace
  /// The module of GRUB that reads its file system.
  let driver: String
  /// The serial line that shows its menu in addition to the screen.
  let serial: BootstrapAnswers.SerialConsole?
  /// The machine it is for.
  let architecture: DebianArchitecture

  private static let bios = "i386-pc"
  /// The modules that read the other modules from the file system.
  private var modules: [String] { ["part_gpt", "part_msdos", driver, "search_fs_uuid"] }

  /// Installs GRUB. `boot` is the EFI system partition, with a file system on it.
  ///
  /// - Throws: `AstError` (refused) if the base has no signed boot loader.
  func run(on disk: FilePath, boot: FATVolume) throws {
    try copyFont()
    try Files.write(Self.configuration(serial: serial).utf8, to: directory.appending("grub.cfg"))
    if architecture.hasBIOS {
      try copyModules(for: Self.bios)
      try installForBIOS(on: disk)
    }
    try makeEFIPartition(boot)
    try installForEFI(on: boot)
  }

  /// Puts GRUB where a BIOS starts it; its modules are there.
  func installForBIOS(on disk: FilePath) throws {
    let core = try image(for: Self.bios, with: ["biosdisk"] + modules)
    try BIOSBootCode(boot: try bootSector(), core: core).write(to: disk)
  }

  /// Fills the EFI system partition with what GRUB needs there in any case: the file in which it counts.
  func makeEFIPartition(_ boot: FATVolume) throws {
    try boot.makeDirectories(["ast"])
    try boot.write(Array(EnvironmentBlock.empty.utf8), to: "ast/grubenv")
  }

  /// Puts the signed GRUB where EFI firmware starts it.
  ///
  /// - Throws: `AstError` (refused) if the base has none.
  func installForEFI(on boot: FATVolume) throws {
    let chain = try LoaderChain(
      in: RootDirectory(base.root), of: "the base", for: architecture, leadingTo: place)
    try boot.makeDirectories(["EFI"] + SignedLoader.Directory.allCases.map(\.rawValue))
    for file in chain.files { try boot.write(file.content, to: file.place.string) }
  }

  /// grub.cfg for the first start. grub-mkconfig(8) replaces it when a node is deployed on the machine itself: only there
  /// does it see the machine's disks.
  static func configuration(serial: BootstrapAnswers.SerialConsole?) -> String {
    let terminal = serial.map { serial in
      """
      serial --unit=\(serial.unit) --speed=\(serial.speed)
      terminal_input serial console
      terminal_output serial console

      """
    }
    return """
      # For the first start; grub-mkconfig replaces this file when a node is deployed here.
      set timeout=5
      \(terminal ?? "")if [ -f $prefix/ast/menu.cfg ]; then source $prefix/ast/menu.cfg; fi

      """
  }

  private func copyModules(for platform: String) throws {
    let source = base.root.appending("usr/lib/grub/\(platform)")
    let target = directory.appending(platform)
    try Files.makeDirectory(target)
    let names = try Files.names(in: source).sorted()
    let wanted = names.filter { $0.hasSuffix(".mod") || $0.hasSuffix(".lst") }
    try ChildProcess("cp", ["--"] + wanted.map { source.appending($0).string } + [target.string]).run()
  }

  /// Copies the font of the menu; grub-mkconfig(8) names this file.
  private func copyFont() throws {
    let fonts = directory.appending("fonts")
    try Files.makeDirectory(fonts)
    try ChildProcess("cp", ["--", base.root.appending("usr/share/grub/unicode.pf2").string, fonts.string]).run()
  }

  /// GRUB with the modules and the script that find `directory`, whichever disk it is on.
  private func image(for platform: String, with modules: [String]) throws -> [UInt8] {
    let script = """
      search.fs_uuid \(place.fileSystem) root
      set prefix=($root)\(place.directory)

      """
    let make = "printf '%s' \"$1\" >/tmp/early.cfg && shift && exec grub-mkimage --config=/tmp/early.cfg \"$@\""
    let options = ["--format=\(platform)", "--prefix=\(place.directory)"]
    return try base.run(["sh", "-c", make, "sh", script] + options + modules, capturing: true)
  }

  private func bootSector() throws -> [UInt8] {
    let file = base.root.appending("usr/lib/grub/\(Self.bios)/boot.img")
    return Array(try Files.contents(of: file))
  }
}
