import Btrfs
import FoundationEssentials
import Glibc
import Host
import Sandbox
import Store
import SystemPackage

/// grub.cfg, which configures the boot loader itself: its terminal, its timeout, other systems on the machine. It is
/// made by the deployment's own grub-mkconfig(8) in the deployment's own root, if its inputs have changed. The entries
/// of the store are in the menu that it loads.
///
/// Only a machine that runs from this disk can say what else is on it: otherwise grub.cfg is left as it is.
struct GrubConfiguration {
  private let root: FilePath
  private let machine: Machine
  private let inputs: Data
  private let isNeeded: Bool

  /// - Parameters:
  ///   - root: of the deployment that is being made.
  ///   - isRunning: whether this machine runs from the disk.
  ///   - warn: shows a sentence about what keeps it as it is.
  init(of root: FilePath, on machine: Machine, isRunning: Bool, warning warn: (String) -> Void) throws {
    self.root = root
    self.machine = machine
    let files = RootDirectory(root)
    inputs = try Self.inputs(in: files)
    let isPossible = try Self.needed.allSatisfy(files.hasFile)
    // The systems that os-prober(1) finds are not in a file that could be compared.
    let probes = try files.hasFile("/usr/bin/os-prober")
    let present = try RootDirectory(machine.path(of: Machine.grub)).contents(of: Self.inputsName)
    let isWanted = isRunning && isPossible && (probes || present != inputs)
    // grub-probe(8) of GRUB 2.12 takes the missing device for one without a name, and fails.
    let isDegraded = try isWanted && FileSystem.isDegraded(root)
    if isDegraded {
      warn("grub.cfg stays as it is, because a disk of the btrfs is missing; the next deploy with all disks makes it")
    }
    isNeeded = isWanted && !isDegraded
  }

  /// Makes the new file beside the present one.
  ///
  /// - Throws: `AstError` with the message of grub-mkconfig(8); then nothing is changed.
  func prepare(progress: (String) -> Void) throws {
    guard isNeeded else { return }
    progress("making grub.cfg")
    var mounts = ChrootMounts()
    defer { mounts.end() }
    let inside = try mounts.make(root)
    try mounts.mount(Machine.grub, of: machine.device, at: inside.appending("boot/grub"))
    for script in Self.unwanted {
      let path = inside.appending("etc/grub.d/\(script)")
      if access(path.string, F_OK) == 0 { try mounts.bind("/dev/null", at: path) }
    }
    try ChildProcess("chroot", [inside.string, "grub-mkconfig", "-o", "/boot/grub/\(Self.newName)"]).run()
    try requireNoModuleForVideo(in: inside.appending("boot/grub/\(Self.newName)"))
    failPoint("grub.cfg made")
  }

  /// Has the module all_video loaded only if there is a file of it. The signed GRUB 2.14-4 of Debian 14 does not have
  /// it, and with the signed ones of Debian 12 and 13 it is there without being loaded.
  private func requireNoModuleForVideo(in path: FilePath) throws {
    let lines = try Files.text(of: path).split(separator: "\n", omittingEmptySubsequences: false).map { line in
      line.trimmingPrefix { $0 == " " || $0 == "\t" } == "insmod all_video" ? Self.videoIfPresent : String(line)
    }
    try Files.write(lines.joined(separator: "\n").utf8, to: path)
  }

  private static let videoIfPresent =
    "if [ -e $prefix/$grub_cpu-$grub_platform/all_video.mod ]; then insmod all_video; fi"

  /// Puts the new file in place of the present one, and where GRUB reads it.
  ///
  /// - Parameters:
  ///   - store: the store's directory.
  ///   - warn: shows a sentence about what stays behind of an earlier power cut.
  func install(for store: FilePath, warning warn: (String) -> Void) throws {
    guard isNeeded else { return }
    let directory = machine.path(of: Machine.grub)
    let (new, present) = (directory.appending(Self.newName), directory.appending("grub.cfg"))
    try Files.sync(new)
    if let volume = try BootVolume(of: store) {
      try BootLoaderFile(volume.loader.appending("grub.cfg")).replace(
        with: Files.contents(of: new), mode: 0o600, warning: warn)
    }
    try Files.rename(new, to: present)
    failPoint("grub.cfg in place")
    try RootDirectory(directory).write(inputs, to: Self.inputsName)
    withExtendedLifetime(machine) {}
  }

  /// The first two make entries for a system that has its kernels in one place and no deployments. The third asks GRUB
  /// 2.12 whether there is a firmware setup with a command that makes GRUB 2.06, which the disk may start with, restart
  /// into it at every boot; `grub.d/09_ast` has an entry that both understand.
  private static let unwanted = ["10_linux", "20_linux_xen", "30_uefi-firmware"]

  private static let newName = "grub.cfg.new"
  /// The inputs that the present grub.cfg was made from, beside the menu.
  private static let inputsName: FilePath = "ast/grub.cfg.inputs"
  private static let needed: [FilePath] = ["/usr/sbin/grub-mkconfig", "/etc/grub.d/09_ast"]

  /// The files that grub-mkconfig(8) reads, as one text. The program itself is included, because its version is not in
  /// any file.
  private static func inputs(in root: RootDirectory) throws -> Data {
    var text = Data()
    func add(_ file: FilePath) throws {
      guard let contents = try root.contents(of: file) else { return }
      text += Data("== \(file), \(contents.count) bytes\n".utf8) + contents
    }
    try add("/etc/default/grub")
    for directory: FilePath in ["/etc/default/grub.d", "/etc/grub.d"] {
      for entry in try root.entries(of: directory) { try add(directory.appending(entry.name)) }
    }
    try add("/usr/sbin/grub-mkconfig")
    return text
  }
}
