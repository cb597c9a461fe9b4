import DebianFormats

/// The packages of a new system beyond what every Debian has.
struct BootstrapPackages {
  /// Their names.
  let names: [String]

  /// The packages that `answers` need, a kernel, and `more`.
  init(kernel: String, for answers: BootstrapAnswers, and more: [String], on architecture: DebianArchitecture) {
    // The kernel needs one of them, and they exclude each other.
    let initrdMaker = more.contains("dracut") ? "dracut" : "initramfs-tools"
    var names = Self.bootable + [initrdMaker] + architecture.loaderFilePackages + [kernel]
    if answers.needsLocale { names.append("locales") }
    if answers.timezone != nil { names.append("tzdata") }
    if answers.keymap != nil { names += ["console-setup", "keyboard-configuration"] }
    if answers.user != nil { names.append("sudo") }
    if !answers.sshKeys.isEmpty { names.append("openssh-server") }
    self.names = names + more.filter { !names.contains($0) }
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
