import Boot
import Btrfs
import DebianFormats
import Etc
import FoundationEssentials
import Glibc
import Host
import Rootfs
import Sandbox
import SystemPackage

/// The reasons why a system cannot be adopted: everything that is known to go wrong, checked before anything is done.
struct AdoptionRefusals {
  private let system: AdoptableSystem
  private let files: RootDirectory

  private static let bootLoaders = DebianArchitecture.current.bootLoaderPackages.joined(separator: " or ")

  init(_ system: AdoptableSystem) {
    self.system = system
    files = RootDirectory(system.root)
  }

  /// - Throws: `AstError` with the first reason.
  func check() throws {
    try requireMachine()
    try requireNoOtherLoader()
    try requireFileSystem()
    try requireTable()
    try requireOneRoot()
    try requireNothingInTheWay()
    try requireKernel()
    try requireBootLoader()
    try requireNoSwapFile()
    try requirePackages()
  }

  /// Makes sure that the running system is a machine, not a container or a chroot, and not a deployment.
  func requireMachine() throws {
    guard system.isRunning else { return }
    var (own, first) = (stat(), stat())
    let isOwn =
      stat("/", &own) == 0 && stat("/proc/1/root", &first) == 0 && own.st_dev == first.st_dev
      && own.st_ino == first.st_ino
    guard isOwn, access("/run/systemd/container", F_OK) != 0 else {
      throw AdoptableSystem.refusal("this is inside a container or a chroot", hint: "adopt the system around it")
    }
    let parameters = try BootParameters.current()
    guard parameters.deployment == nil, parameters.trial == nil else {
      throw AdoptableSystem.refusal("this system runs from a store already", hint: "`ast status` shows it")
    }
    guard parameters.isFromGrub else {
      try requireNoSystemdBoot()
      throw AdoptableSystem.refusal(
        "this machine was not started by GRUB", hint: "install \(Self.bootLoaders), and restart")
    }
  }

  /// Makes sure that a system without a menu of GRUB is not one of another boot loader.
  private func requireNoOtherLoader() throws {
    guard try files.contents(of: "/boot/grub/grub.cfg") == nil else { return }
    try requireNoSystemdBoot()
  }

  private func requireNoSystemdBoot() throws {
    // Where bootctl(1) looks for the EFI system partition.
    for place: FilePath in ["/efi", "/boot", "/boot/efi"] {
      let programs = try files.entries(of: place.appending("EFI/systemd"))
      guard programs.contains(where: { $0.name.hasPrefix("systemd-boot") }) else { continue }
      throw AdoptableSystem.refusal(
        "this machine starts with systemd-boot, which ast does not write menus for",
        hint: "`apt-get install \(Self.bootLoaders)`, `grub-install` and `update-grub`, and restart, for GRUB")
    }
  }

  private func requireFileSystem() throws {
    guard try !FileSystem.isReadOnly(system.root) else {
      throw AdoptableSystem.refusal("the root file system is mounted read-only", hint: "`mount -o remount,rw /`")
    }
    _ = try Storage(of: system.devices)
  }

  /// Makes sure that the root's line in /etc/fstab mounts it, as it would not after btrfs-convert(8).
  private func requireTable() throws {
    guard let root = system.fstab.entries.last(where: { $0.mountPoint == "/" }) else { return }
    let line = "\(root.source) / btrfs defaults 0 0"
    guard ["btrfs", "auto"].contains(root.type) else {
      throw AdoptableSystem.refusal(
        "/etc/fstab says that / is \(root.type): it would not be mounted", hint: "make that line `\(line)`")
    }
    let foreign = root.options.split(separator: ",").first { $0.hasPrefix("errors=") || $0.hasPrefix("data=") }
    if let foreign {
      throw AdoptableSystem.refusal(
        "/etc/fstab mounts / with \(foreign), which btrfs does not know: it would not be mounted",
        hint: "take that out of the options")
    }
  }

  /// Makes sure that the system is in one subvolume, as a node has to be. /boot may be an ext4, and /var any file system.
  private func requireOneRoot() throws {
    _ = try BootPartition(of: system)
    if try system.isSeparate("/var"), !system.hasLine("/var") || system.mount(at: "/var") == nil {
      throw AdoptableSystem.refusal(
        system.hasLine("/var")
          ? "/etc/fstab mounts /var, and it is not mounted" : "/var is a subvolume that /etc/fstab does not mount",
        hint: "mount it, and give it a line there, or make it a part of the root file system")
    }
    let parts: [FilePath] = [
      "/boot/grub", "/usr", "/etc", "/bin", "/sbin", "/lib", "/var/lib", "/var/lib/dpkg",
    ]
    for path in parts where try system.isSeparate(path) {
      throw AdoptableSystem.refusal(
        "\(path) is a separate file system or subvolume", hint: "it has to be a part of the file system around it")
    }
  }

  private func requireNothingInTheWay() throws {
    let place: FilePath = "/.snapshots"
    guard try !system.isSeparate(place), try files.entries(of: place).isEmpty else {
      throw AdoptableSystem.refusal(
        "\(place) is in use, probably by snapper", hint: "the store needs that place: remove or rename it")
    }
  }

  private func requireKernel() throws {
    guard try Kernels(in: system.root).newest != nil, try files.contents(of: "/sbin/init") != nil else {
      throw AdoptableSystem.refusal(
        "/boot has no kernel with an initrd and modules, or there is no /sbin/init",
        hint: "apt-get install \(DebianArchitecture.current.kernelPackage) initramfs-tools systemd-sysv")
    }
  }

  private func requireBootLoader() throws {
    guard let configuration = try files.contents(of: "/boot/grub/grub.cfg") else {
      throw AdoptableSystem.refusal("there is no /boot/grub/grub.cfg", hint: "install \(Self.bootLoaders)")
    }
    let lines = String(decoding: configuration, as: UTF8.self).split(separator: "\n")
    let reads = lines.contains { line in
      let words = line.split(separator: " ")
      return words.first == "source" && words.last?.hasSuffix("/custom.cfg") == true
    }
    guard reads else {
      throw AdoptableSystem.refusal(
        "/boot/grub/grub.cfg does not read custom.cfg",
        hint: "make /etc/grub.d/41_custom executable, and run update-grub")
    }
    guard try !AdoptedGrub.platforms(in: system.root).isEmpty else {
      throw AdoptableSystem.refusal("/boot/grub has no modules of GRUB", hint: "grub-install puts them there")
    }
    _ = try BootHook(in: system.file("/boot/grub")).isThere
    guard access("/usr/bin/grub-script-check", X_OK) == 0 else {
      throw AdoptableSystem.refusal("grub-script-check is missing", hint: "apt-get install grub-common")
    }
  }

  /// btrfs makes no snapshot of a subvolume with an active swap file, and a read-only root cannot have one.
  private func requireNoSwapFile() throws {
    let hint = "`swapoff` it, take its line out of /etc/fstab, and put it on a subvolume of its own"
    let inUse = try Files.text(of: "/proc/swaps").split(separator: "\n").dropFirst()
    for line in inUse {
      var (file, root) = (stat(), stat())
      let name = MountTable.unescaped(line.prefix { $0 != " " && $0 != "\t" })
      guard stat(name, &file) == 0, stat(system.root.string, &root) == 0, file.st_dev == root.st_dev else { continue }
      throw AdoptableSystem.refusal("\(name) is a swap file in the root file system", hint: hint)
    }
    for file in system.fstab.swapFiles where !system.fstab.mountsApart(file) {
      throw AdoptableSystem.refusal("/etc/fstab has a swap file in the root file system: \(file)", hint: hint)
    }
  }

  private func requirePackages() throws {
    withExtendedLifetime(try system.lockPackages()) {}
    guard try PackageDatabase.installed(in: system.root) != nil else {
      throw AdoptableSystem.refusal("there is no dpkg database: this is not a Debian")
    }
    let audit = try ChildProcess("dpkg", ["--root=\(system.root)", "--audit"]).output()
    guard audit.isEmpty, try files.entries(of: "/var/lib/dpkg/updates").isEmpty else {
      throw AdoptableSystem.refusal(
        "dpkg has work that is not finished", hint: "`dpkg --audit` shows it; `dpkg --configure -a` may finish it")
    }
  }
}
