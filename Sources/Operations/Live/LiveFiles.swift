/// The files of packages that take effect only after a reboot.
enum LiveFiles {
  /// Whether a file, named as in a package (`./usr/bin/true`), is for the boot loader, the kernel or the initrd, or lies
  /// in a directory of the root that the running system can only read.
  static func needRestart(_ name: String) -> Bool {
    let parts = name.split(separator: "/").drop { $0 == "." }.map(String.init)
    guard let top = parts.first else { return false }
    guard tops.contains(top) else { return true }
    // Debian's /lib is a link to /usr/lib.
    let place = (top == "lib" ? ["usr"] : []) + parts
    return parts.last == "dkms.conf" || bootPlaces.contains { place.count > $0.count && place.starts(with: $0) }
  }

  /// The directories of a live snapshot, those that the running system can write to, and the links into /usr.
  private static let tops: Set = [
    "usr", "opt", "etc", "var", "home", "root", "srv", "run", "tmp",
    "bin", "sbin", "lib", "lib32", "lib64", "libo32", "libx32",
  ]

  /// Modules and firmware are for a kernel; hooks are for the programs that make the next initrd and the boot menu.
  private static let bootPlaces = [
    "usr/lib/modules", "usr/lib/firmware", "usr/share/initramfs-tools", "etc/initramfs-tools", "usr/lib/dracut",
    "etc/dracut.conf.d", "etc/kernel",
    "usr/lib/kernel", "etc/grub.d", "etc/default/grub.d",
  ].map { $0.split(separator: "/").map(String.init) }
}
