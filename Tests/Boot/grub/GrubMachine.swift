import FoundationEssentials
import Glibc
import Grub
import SystemPackage
import TestSupport
import Testing

/// What a machine starts GRUB with.
enum Firmware: String, CaseIterable, Sendable {
  case bios
  case efi
}

/// A machine that runs nothing but GRUB: real menus, and kernels that print their command line and restart it.
///
/// It has a disk with a btrfs, as an installed system has it, and one with a FAT for the environment block.
final class GrubMachine {
  static let rootUUID = "11111111-2222-3333-4444-555555555555"
  static let environmentUUID = "371B-DDF0"
  static let environment = BootEnvironmentPlace(fileSystem: environmentUUID)

  private let directory: FilePath
  private let firmware: Firmware

  private var top: FilePath { directory.appending("top") }
  private var disk: FilePath { directory.appending("root.img") }
  private var loader: FilePath { directory.appending("loader.img") }
  private var kernel: FilePath { directory.appending("kernel") }
  private var esp: FilePath { directory.appending("esp.img") }

  init(_ firmware: Firmware) throws {
    self.firmware = firmware
    directory = FilePath("/tmp/ast-grub-\(getpid())-\(UInt32.random(in: 0 ... .max))")
    try FileManager.default.createDirectory(
      atPath: top.appending("@grub/ast").string, withIntermediateDirectories: true)
    try runSuccessfully(["truncate", "--size=34M", esp.string])
    try runSuccessfully(["mkfs.vfat", "-i", Self.environmentUUID.replacing("-", with: ""), esp.string])
    try runSuccessfully(["mmd", "-i", esp.string, "::/ast", "::/EFI", "::/EFI/BOOT"])
    try makeKernel()
    try makeLoader()
  }

  deinit { try? FileManager.default.removeItem(atPath: directory.string) }

  private func makeKernel() throws {
    let source = FilePath(#filePath).removingLastComponent().appending("kernel.S")
    try runSuccessfully(
      ["gcc", "-m32", "-nostdlib", "-static", "-Wl,-Ttext=0,--oformat=binary,--build-id=none"]
        + ["-o", kernel.string, source.string])
  }

  /// GRUB as grub-install makes it: it looks for the file system, and finds everything else there.
  private func makeLoader() throws {
    let format = firmware == .bios ? "i386-pc" : "x86_64-efi"
    let modules = FilePath("/usr/lib/grub/\(format)")
    try runSuccessfully(["cp", "-r", modules.string, top.appending("@grub").string])
    let early = directory.appending("early.cfg")
    try write("search.fs_uuid \(Self.rootUUID) root\nset prefix=($root)/@grub\n", to: early)
    let core = directory.appending("core")
    try runSuccessfully(
      ["grub-mkimage", "-O", format, "-p", "/@grub", "-c", early.string, "-o", core.string]
        + ["btrfs", "fat", "search_fs_uuid", "normal"] + (firmware == .bios ? ["biosdisk"] : []))
    guard firmware == .bios else {
      try runSuccessfully(["mcopy", "-i", esp.string, core.string, "::/EFI/BOOT/BOOTX64.EFI"])
      return
    }
    // The boot sector reads the image from the sectors behind it (GRUB manual, "Images").
    let image =
      try Data(contentsOf: URL(filePath: modules.appending("boot.img").string))
      + Data(
        contentsOf: URL(filePath: core.string))
    try image.write(to: URL(filePath: loader.string))
    try runSuccessfully(["truncate", "--size=1M", loader.string])
  }

  /// Puts an environment block where GRUB can write it, with these variables.
  func writeEnvironment(_ variables: [String] = []) throws {
    let file = directory.appending("grubenv")
    try? FileManager.default.removeItem(atPath: file.string)
    try runSuccessfully(["grub-editenv", file.string, "create"])
    if !variables.isEmpty { try runSuccessfully(["grub-editenv", file.string, "set"] + variables) }
    try runSuccessfully(["mcopy", "-o", "-i", esp.string, file.string, "::/ast/grubenv"])
  }

  /// Makes the environment block something GRUB does not take.
  func damageEnvironment() throws {
    let file = directory.appending("damaged")
    try write(String(repeating: "x", count: 1024), to: file)
    try runSuccessfully(["mcopy", "-o", "-i", esp.string, file.string, "::/ast/grubenv"])
  }

  /// The variables in the environment block, by name.
  var noted: [String] {
    get throws {
      let file = directory.appending("noted")
      try runSuccessfully(["mcopy", "-o", "-i", esp.string, "::/ast/grubenv", file.string])
      return try runSuccessfully(["grub-editenv", file.string, "list"]).split(separator: "\n").map(String.init).sorted()
    }
  }

  /// Writes the menu and the systems in it, but for the files that are to be missing. `chosen` is the entry somebody
  /// chooses instead of the default.
  ///
  /// - Parameters:
  ///   - adding: more files, by their paths from the top level.
  ///   - typed: what the administrator makes of the first entry: its commands.
  func install(
    _ menu: BootMenu, missing: [String] = [], chosen: String? = nil, adding: [String: String] = [:],
    typed: String? = nil
  ) throws {
    let files = ["menu.cfg": menu.text].merging(menu.pages.map { ($0.name, $0.text) }) { $1 }
    for (name, text) in files {
      try checkScript(text)
      try write(text, to: top.appending("@grub/ast").appending(name))
    }
    let edited = typed.map { "menuentry edited --id edited {\n\($0)\n}\n" } ?? ""
    let choice = edited + ((chosen ?? typed.map { _ in "edited" }).map { "set default='\($0)'\n" } ?? "")
    try write(
      """
      serial --unit=0 --speed=115200
      terminal_input serial
      terminal_output serial
      set timeout=0
      source $prefix/ast/menu.cfg
      \(choice)
      """, to: top.appending("@grub/grub.cfg"))
    for system in menu.deployments.map(\.system) + menu.nodes {
      let root = top.pushing(menu.store).pushing(system.subvolume)
      try FileManager.default.createDirectory(atPath: root.appending("boot").string, withIntermediateDirectories: true)
      try runSuccessfully(["cp", kernel.string, root.appending(system.kernel.components).string])
      try write("initrd", to: root.appending(system.initrd.components))
    }
    for (path, content) in adding {
      let file = top.pushing(FilePath(path))
      try FileManager.default.createDirectory(
        atPath: file.removingLastComponent().string, withIntermediateDirectories: true)
      try write(content, to: file)
    }
    for file in missing { try FileManager.default.removeItem(atPath: top.appending(file).string) }
    try? FileManager.default.removeItem(atPath: disk.string)
    try runSuccessfully(["truncate", "--size=200M", disk.string])
    try runSuccessfully(["mkfs.btrfs", "-q", "-U", Self.rootUUID, "--rootdir", top.string, disk.string])
  }

  /// Writes the menu of a system that was there before ast, and its kernel. To be done before the menu of ast is
  /// installed.
  func installOldSystem(in subvolume: FilePath) throws {
    let boot = top.pushing(subvolume).appending("boot")
    try FileManager.default.createDirectory(atPath: boot.appending("grub").string, withIntermediateDirectories: true)
    // Its modules are those of its own directory.
    let modules = top.appending("@grub").appending(firmware == .bios ? "i386-pc" : "x86_64-efi")
    try runSuccessfully(["cp", "-r", modules.string, boot.appending("grub").string])
    try runSuccessfully(["cp", kernel.string, boot.appending("vmlinuz").string])
    try write("initrd", to: boot.appending("initrd"))
    try write(
      """
      set timeout=0
      menuentry 'Debian' {
        linux ($root)/\(subvolume)/boot/vmlinuz old ast_before=$ast_before prefix=$prefix
        initrd ($root)/\(subvolume)/boot/initrd
      }

      """, to: boot.appending("grub/grub.cfg"))
  }

  /// Starts the machine and waits for its restart.
  ///
  /// - Returns: the command line of the kernel that ran; nil when none did, after a time that is enough for ten.
  func boot(environmentIsReadOnly: Bool = false, hasEnvironmentDisk: Bool = true) throws -> String? {
    let serial = directory.appending("serial")
    var drives = [(disk, false)]
    if firmware == .bios { drives.insert((loader, false), at: 0) }
    if hasEnvironmentDisk { drives.append((esp, environmentIsReadOnly)) }
    let result = try run(
      ["timeout", "60", "qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-cpu", "qemu64", "-m", "256"]
        + ["-display", "none", "-no-reboot", "-nic", "none", "-serial", "file:\(serial)"] + (try firmwareDrives())
        + drives.flatMap { file, isReadOnly in
          ["-drive", "if=virtio,format=raw,file=\(file),readonly=\(isReadOnly ? "on" : "off")"]
        })
    let console = String(decoding: try Data(contentsOf: URL(filePath: serial.string)), as: UTF8.self)
    lastConsole = console
    guard result.status == 0, let start = console.lastIndex(of: "\u{2}"), let end = console.lastIndex(of: "\u{3}")
    else {
      return nil
    }
    return String(console[console.index(after: start)..<end])
  }

  /// What GRUB wrote on the serial line at the last start.
  private(set) var lastConsole = ""

  private func firmwareDrives() throws -> [String] {
    guard firmware == .efi else { return [] }
    let variables = directory.appending("variables")
    try runSuccessfully(["cp", "\(Self.ovmf)/OVMF_VARS_4M.fd", variables.string])
    return [
      "-drive", "if=pflash,format=raw,readonly=on,file=\(Self.ovmf)/OVMF_CODE_4M.fd",
      "-drive", "if=pflash,format=raw,file=\(variables)",
    ]
  }

  private func write(_ text: String, to file: FilePath) throws {
    try Data(text.utf8).write(to: URL(filePath: file.string))
  }

  private static let ovmf = "/usr/share/OVMF"

  /// What is missing on this machine to run these tests.
  static let missing: [String] = [
    "/usr/bin/qemu-system-x86_64", "/usr/bin/grub-mkimage", "/usr/lib/grub/i386-pc/boot.img",
    "/usr/lib/grub/x86_64-efi/normal.mod", "\(ovmf)/OVMF_CODE_4M.fd", "/usr/bin/mcopy", "/usr/sbin/mkfs.vfat",
  ].filter { file in access(file, F_OK) != 0 }
}

extension Trait where Self == ConditionTrait {
  /// Skips the suite, with the reason, where there is no QEMU or no GRUB.
  static var requiresGrubMachine: Self {
    .enabled(if: GrubMachine.missing.isEmpty, "needs \(GrubMachine.missing.joined(separator: ", "))")
  }
}

/// GRUB's own parser.
func checkScript(_ text: String) throws {
  try runSuccessfully(["grub-script-check"], input: text)
}
