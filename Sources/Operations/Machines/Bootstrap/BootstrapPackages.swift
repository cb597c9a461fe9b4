import DebianFormats

/// The packages of a new system beyond what every Debian has.
struct BootstrapPackages {
  /// Their names.
  let names: [String]

  /// The packages that `answers` need, a kernel, and `more`.
  ///
  /// - Parameters:
  ///   - isEncrypted: whether the initrd has to open the disk.
  ///   - release: the release by its codename or as a suite; nil if it is not known.
  init(
    kernel: String, for answers: BootstrapAnswers, and more: [String], isEncrypted: Bool = false,
    release: String? = nil, on architecture: DebianArchitecture
  ) {
    // The kernel needs one of them, and they exclude each other.
    let initrdMaker = more.contains("dracut") ? "dracut" : "initramfs-tools"
    var names = Self.bootable + [initrdMaker] + architecture.loaderFilePackages + [kernel]
    if answers.needsLocale { names.append("locales") }
    if answers.timezone != nil { names.append("tzdata") }
    if answers.keymap != nil { names += ["console-setup", "keyboard-configuration"] }
    if answers.user != nil { names.append("sudo") }
    if !answers.sshKeys.isEmpty { names.append("openssh-server") }
    if isEncrypted { names += Self.encryption(initrdMaker, release) }
    self.names = names + more.filter { !names.contains($0) }
  }

  /// The packages that make an initrd open the disk. Without systemd-cryptsetup, which Debian 12 has in systemd, the
  /// initrds of dracut ask for no passphrase.
  private static func encryption(_ initrdMaker: String, _ release: String?) -> [String] {
    guard initrdMaker == "dracut" else { return ["cryptsetup-initramfs"] }
    let isApart = !["bookworm", "oldstable"].contains(release)
    return ["cryptsetup"] + (isApart ? ["systemd-cryptsetup"] : [])
  }

  /// Packages of a system that starts, has a network, and is managed with ast.
  private static let bootable = [
    "systemd-sysv", "udev", "dbus", "kmod", "zstd", "login",
    "grub-common", "grub2-common", "btrfs-progs", "libbtrfsutil1", "libsqlite3-0",
    "iproute2", "passt", "systemd-resolved", "ca-certificates", "less", "man-db", "bash-completion", "nano",
  ]
}

extension BootstrapAnswers {
  /// Whether there is a locale to make: glibc has `C.UTF-8` itself.
  var needsLocale: Bool { locale.map { !["C", "POSIX", "C.UTF-8", "C.utf8"].contains($0) } ?? false }
}
