/// A package of Debian's main archive that is known to be difficult: its scripts work on services, accounts, devices,
/// the boot loader, initrds or the kernel, ask questions, or take the place of another package.
struct DifficultPackage {
  /// Its name, in all releases.
  let name: String
  /// What is installed and purged along with it.
  let companions: [String]
  /// Whether its files are compared with those of a plain Debian, too.
  let isSample: Bool

  /// What apt is told to install or to purge.
  var names: [String] { [name] + companions }

  private init(_ name: String, with companions: [String] = [], isSample: Bool = false) {
    self.name = name
    self.companions = companions
    self.isSample = isSample
  }

  /// What one node gets, in this order. It is purged in the opposite order.
  ///
  /// A package that cannot be installed beside another one stands behind it, and replaces it. What has a part in initrds
  /// stands behind the kernel, so that one is made for each of these packages.
  static let crowd = [
    DifficultPackage("etckeeper", isSample: true),
    DifficultPackage("needrestart"),
    DifficultPackage("molly-guard"),
    DifficultPackage("unattended-upgrades"),
    DifficultPackage("popularity-contest"),
    DifficultPackage("debsums"),
    DifficultPackage("locales"),
    DifficultPackage("tzdata"),
    DifficultPackage("man-db"),
    DifficultPackage("console-setup", with: ["keyboard-configuration"]),
    DifficultPackage("systemd-sysv", with: ["libpam-systemd", "dbus"]),
    DifficultPackage("polkitd", isSample: true),
    DifficultPackage("udisks2"),
    DifficultPackage("sudo"),
    DifficultPackage("openssh-server", isSample: true),
    DifficultPackage("rsyslog"),
    DifficultPackage("auditd"),
    DifficultPackage("apparmor"),
    DifficultPackage("cron"),
    DifficultPackage("cloud-init"),
    DifficultPackage("exim4"),
    DifficultPackage("postfix", isSample: true),
    DifficultPackage("resolvconf"),
    DifficultPackage("systemd-resolved", isSample: true),
    DifficultPackage("chrony"),
    DifficultPackage("systemd-timesyncd"),
    DifficultPackage("ifupdown"),
    DifficultPackage("network-manager"),
    DifficultPackage("openvpn"),
    DifficultPackage("nftables"),
    DifficultPackage("firewalld"),
    DifficultPackage("ufw"),
    DifficultPackage("fail2ban"),
    DifficultPackage("mariadb-server", isSample: true),
    DifficultPackage("postgresql", isSample: true),
    DifficultPackage("redis-server"),
    DifficultPackage("memcached"),
    DifficultPackage("slapd", isSample: true),
    DifficultPackage("krb5-kdc", with: ["krb5-admin-server"]),
    DifficultPackage("samba", isSample: true),
    DifficultPackage("nfs-kernel-server"),
    DifficultPackage("autofs"),
    DifficultPackage("tftpd-hpa"),
    DifficultPackage("isc-dhcp-server"),
    DifficultPackage("apache2", isSample: true),
    DifficultPackage("php-fpm"),
    DifficultPackage("nginx"),
    DifficultPackage("haproxy"),
    DifficultPackage("squid"),
    DifficultPackage("tor"),
    DifficultPackage("unbound"),
    DifficultPackage("bind9"),
    DifficultPackage("dovecot-core", with: ["dovecot-imapd"]),
    DifficultPackage("clamav", with: ["clamav-daemon"]),
    DifficultPackage("rabbitmq-server"),
    DifficultPackage("cups", isSample: true),
    DifficultPackage("avahi-daemon"),
    DifficultPackage("bluez"),
    DifficultPackage("docker.io", isSample: true),
    DifficultPackage("libvirt-daemon-system"),
    DifficultPackage("flatpak"),
    DifficultPackage("snapd"),
    DifficultPackage("fontconfig"),
    DifficultPackage("default-jre-headless", with: ["ca-certificates-java"]),
    DifficultPackage("texlive-base"),
    DifficultPackage("lightdm"),
    DifficultPackage("linux-image-amd64", with: ["linux-headers-amd64", "initramfs-tools"]),
    DifficultPackage("wireguard"),
    DifficultPackage("plymouth", with: ["plymouth-themes"]),
    DifficultPackage("lvm2"),
    DifficultPackage("mdadm"),
    DifficultPackage("cryptsetup-initramfs"),
    DifficultPackage("grub-pc"),
    DifficultPackage("v4l2loopback-dkms", with: ["dkms"]),
  ]

  /// What another node gets: packages that others of ``crowd`` have replaced, and that are upgraded, too.
  static let alternatives = [
    DifficultPackage("exim4"),
    DifficultPackage("resolvconf"),
    DifficultPackage("chrony"),
    DifficultPackage("iptables-persistent"),
    DifficultPackage("lighttpd"),
    DifficultPackage("mariadb-client", with: ["default-mysql-client"]),
    DifficultPackage("sddm"),
    DifficultPackage("dracut"),
    DifficultPackage("grub-efi-amd64"),
    DifficultPackage("linux-image-amd64"),
  ]
}
