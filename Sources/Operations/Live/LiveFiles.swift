/// Which files of a package a running system cannot just be given.
enum LiveFiles {
  /// Whether a file, named as in a package (`./usr/bin/true`), is for the boot loader, the kernel or the initrd, or for a
  /// place in the root that neither packages nor deployments share with what runs.
  static func needRestart(_ name: String) -> Bool {
    let parts = name.split(separator: "/").drop { $0 == "." }.map(String.init)
    guard let top = parts.first else { return false }
    guard tops.contains(top) else { return true }
    // Debian's /lib is a link to /usr/lib.
    let place = (top == "lib" ? ["usr"] : []) + parts
    return parts.last == "dkms.conf" || bootPlaces.contains { place.count > $0.count && place.starts(with: $0) }
  }

  /// What is put over the running system, what it has writable, and the links into /usr.
  private static let tops: Set = [
    "usr", "opt", "etc", "var", "home", "root", "srv", "run", "tmp",
    "bin", "sbin", "lib", "lib32", "lib64", "libo32", "libx32",
  ]

  /// Modules and firmware are for the kernel that has them, hooks for what makes the next initrd and the boot menu.
  private static let bootPlaces = [
    "usr/lib/modules", "usr/lib/firmware", "usr/share/initramfs-tools", "etc/initramfs-tools", "etc/kernel",
    "usr/lib/kernel", "etc/grub.d", "etc/default/grub.d",
  ].map { $0.split(separator: "/").map(String.init) }
}
