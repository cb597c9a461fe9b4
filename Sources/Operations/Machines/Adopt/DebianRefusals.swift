import Boot
import DebianFormats
import Etc
import Glibc
import Host
import Rootfs
import Sandbox
import SystemPackage

/// The reasons why no Debian can become one of deployments, whatever its root is on.
struct DebianRefusals {
  private let system: InstalledDebian
  private let files: RootDirectory

  private static let bootLoaders = DebianArchitecture.current.bootLoaderPackages.joined(separator: " or ")

  init(_ system: InstalledDebian) {
    self.system = system
    files = RootDirectory(system.root)
  }

  /// Makes sure that it is a machine that starts by GRUB.
  func requireStartByGrub() throws {
    try requireMachine()
    try requireNoOtherLoader()
  }

  /// Makes sure that its root has what a node needs, and nothing in the way.
  func requireContents() throws {
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
