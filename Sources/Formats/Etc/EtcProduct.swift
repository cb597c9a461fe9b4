import SystemPackage

/// Something that a program makes of files in /etc. Where a merge has changed these files, or what was made of them, it
/// is made anew: otherwise it would be what one side had made of its own files.
///
/// ``all`` is the one table: `deploy` makes these products in the new deployment, and the first start those whose
/// sources have changed since.
public struct EtcProduct: Hashable, Sendable {
  /// The name, for people.
  public let name: String
  /// The files that it is made of, and what is made of them: paths below /etc.
  let paths: [FilePath]
  /// The files without which a system has no such product, from the root: the program, or a product that not every
  /// system has.
  public let needed: [FilePath]
  /// The program with its arguments. It works in the root that it runs in.
  public let command: [String]

  private init(_ name: String, _ paths: [FilePath], needs needed: [FilePath], _ command: [String]) {
    self.name = name
    self.paths = paths
    self.needed = needed
    self.command = command
  }

  /// The cache of shared libraries: every program that starts needs it, so it is never left for later.
  public static let libraries = EtcProduct(
    "the cache of shared libraries", ["ld.so.conf", "ld.so.conf.d"], needs: ["/usr/sbin/ldconfig"],
    ["/usr/sbin/ldconfig"])

  /// All products, in the order in which they are made.
  public static let all = [
    libraries,
    EtcProduct(
      "the bundle of certificates", ["ca-certificates.conf", "ca-certificates", "ssl/certs"],
      needs: ["/usr/sbin/update-ca-certificates"], ["/usr/sbin/update-ca-certificates"]),
    EtcProduct("the locales", ["locale.gen"], needs: ["/usr/sbin/locale-gen"], ["/usr/sbin/locale-gen"]),
    // Debian's is below /usr, and one below /etc, which an administrator has made, counts instead (hwdb(7)).
    EtcProduct(
      "the hardware database", ["udev/hwdb.d"], needs: ["/usr/bin/systemd-hwdb"],
      ["/usr/bin/systemd-hwdb", "--usr", "update"]),
    EtcProduct(
      "the hardware database in /etc", ["udev/hwdb.d", "udev/hwdb.bin"],
      needs: ["/usr/bin/systemd-hwdb", "/etc/udev/hwdb.bin"], ["/usr/bin/systemd-hwdb", "update"]),
    EtcProduct(
      "the mail aliases", ["aliases", "aliases.db"], needs: ["/usr/bin/newaliases", "/etc/aliases.db"],
      ["/usr/bin/newaliases"]),
    EtcProduct("the settings of dconf(7)", ["dconf"], needs: ["/usr/bin/dconf"], ["/usr/bin/dconf", "update"]),
  ]

  /// The product with this name; nil if there is none.
  public static func named(_ name: String) -> EtcProduct? { all.first { $0.name == name } }

  /// Whether it has to be made anew after these steps.
  public func isAffected(by steps: [EtcStep]) -> Bool { steps.contains { $0.touches(anyOf: paths) } }
}

/// The files in /etc that the programs of initrds read. What they say is in the initrd, and not changed by a change of
/// the file.
public enum InitrdSources {
  /// The paths below /etc: initramfs-tools(7), dracut.conf(5), and the packages that add to initrds.
  public static let paths: [FilePath] = [
    "crypttab", "cryptsetup-initramfs", "mdadm", "lvm", "multipath", "multipath.conf", "iscsi/iscsid.conf", "zfs",
    "modprobe.d", "modules", "modules-load.d", "initramfs-tools", "dracut.conf", "dracut.conf.d", "dropbear/initramfs",
    "default/keyboard", "default/console-setup", "vconsole.conf", "plymouth", "udev/udev.conf",
  ]

  /// Whether these steps change one of the files.
  public static func areAffected(by steps: [EtcStep]) -> Bool { steps.contains { $0.touches(anyOf: paths) } }
}

extension EtcStep {
  /// Whether it changes a file at one of these paths, or below it.
  fileprivate func touches(anyOf paths: [FilePath]) -> Bool {
    switch self {
    // What is removed may be above.
    case .remove(let own): paths.contains { own.starts(with: $0) || $0.starts(with: own) }
    case .put(let own, _), .setAttributes(let own, _): paths.contains { own.starts(with: $0) }
    }
  }
}
