import SystemPackage

/// A path in /etc, /var or the package state that a machine, or a deployment of it, has for itself.
///
/// ``all`` is the one table of these paths: the merge of /etc and the first start's additions to /var read it, and so
/// must everything that makes a node for other machines.
public struct MachineFile: Hashable, Sendable {
  /// The reasons for which a path is not like the others.
  public enum Kind: String, Hashable, Sendable {
    /// Others know the machine by it. A deployment keeps it; a clone for another machine must not have it.
    case identity
    /// Nobody else may know it. In /etc it is configuration, and merged like any file; it never leaves the machine.
    case secret
    /// Made from the generation for each deployment, which has its own.
    case derived
    /// State of the moment: worth keeping on this machine, and worthless on another one.
    case volatile
  }

  /// The path relative to the root, or its beginning.
  public let path: FilePath
  /// Whether all names that begin with the last component are meant.
  public let isPrefix: Bool
  /// The kind.
  public let kind: Kind
  /// The reason, for people.
  public let reason: String

  private init(_ path: FilePath, isPrefix: Bool = false, _ kind: Kind, _ reason: String) {
    self.path = path
    self.isPrefix = isPrefix
    self.kind = kind
    self.reason = reason
  }

  /// The side whose version a new deployment gets; nil if the path is merged. Files that are `live` here are kept in a
  /// fresh /etc, too.
  public var side: Side? {
    switch kind {
    case .identity, .volatile: .live
    case .derived: .new
    case .secret: nil
    }
  }

  /// All machine files. An entry for a directory also covers its contents.
  public static let all: [MachineFile] = identities + secrets + derived + volatile

  private static let identities: [MachineFile] = [
    MachineFile("etc/machine-id", .identity, "journal, DHCP leases and D-Bus know the machine by it (machine-id(5))"),
    MachineFile("etc/hostname", .identity, "the machine's name"),
    MachineFile("etc/hosts", .identity, "has the machine's name"),
    MachineFile("etc/mailname", .identity, "the machine's name in mail"),
    MachineFile("etc/machine-info", .identity, "describes the machine (machine-info(5))"),
    MachineFile("etc/ssh/ssh_host_", isPrefix: true, .identity, "clients know the machine by its keys (sshd(8))"),
    MachineFile("etc/krb5.keytab", .identity, "the machine's keys in its Kerberos realm"),
    MachineFile("etc/hostid", .identity, "the machine's number (gethostid(3)); ZFS pools have it"),
    MachineFile("etc/iscsi/initiatorname.iscsi", .identity, "storage knows the machine by it"),
    MachineFile("etc/nvme/hostnqn", .identity, "storage knows the machine by it"),
    MachineFile("etc/nvme/hostid", .identity, "storage knows the machine by it"),
    MachineFile("var/lib/dbus/machine-id", .identity, "the machine's id, if it is not a link to that in /etc"),
  ]

  private static let secrets: [MachineFile] = [
    MachineFile("etc/shadow", .secret, "passwords; merged by account"),
    MachineFile("etc/gshadow", .secret, "passwords; merged by account"),
    MachineFile("etc/security/opasswd", .secret, "former passwords (pam_pwhistory(8))"),
    MachineFile("etc/ssl/private", .secret, "keys of certificates"),
    MachineFile("etc/letsencrypt", .secret, "keys of certificates and accounts"),
    MachineFile("etc/cryptsetup-keys.d", .secret, "keys of encrypted disks (crypttab(5))"),
    MachineFile("etc/credstore", isPrefix: true, .secret, "credentials of services (systemd-creds(1))"),
    MachineFile("etc/NetworkManager/system-connections", .secret, "passwords of networks"),
    MachineFile("etc/netplan", .secret, "passwords of networks"),
    MachineFile("etc/wpa_supplicant", .secret, "passwords of networks"),
    MachineFile("etc/wireguard", .secret, "keys of networks"),
    MachineFile("etc/ppp/chap-secrets", .secret, "passwords of networks"),
    MachineFile("etc/ppp/pap-secrets", .secret, "passwords of networks"),
    MachineFile("etc/ipsec.secrets", .secret, "keys of networks"),
    MachineFile("etc/swanctl/private", .secret, "keys of networks"),
    MachineFile("etc/apt/auth.conf", isPrefix: true, .secret, "passwords of package archives (apt_auth.conf(5))"),
    MachineFile("etc/bind/rndc.key", .secret, "controls the name server; the package's script makes it"),
    MachineFile("etc/mysql/debian.cnf", .secret, "the password of the database's maintenance"),
    MachineFile("etc/exim4/passwd.client", .secret, "passwords of mail servers"),
    MachineFile("etc/postfix/sasl_passwd", isPrefix: true, .secret, "passwords of mail servers"),
    MachineFile("etc/chrony/chrony.keys", .secret, "keys of time servers"),
    MachineFile("etc/munge/munge.key", .secret, "the key of a cluster"),
    MachineFile("etc/corosync/authkey", .secret, "the key of a cluster"),
    MachineFile("var/cache/debconf/passwords.dat", .secret, "passwords asked for by packages (debconf.conf(5))"),
    MachineFile("usr/lib/sysimage/debconf/passwords.dat", .secret, "the same file, in a node"),
    MachineFile("var/lib/systemd/random-seed", .secret, "the start of all random numbers (systemd-random-seed(8))"),
    MachineFile("var/lib/urandom", .secret, "the start of all random numbers"),
    MachineFile("var/lib/systemd/credential.secret", .secret, "encrypts credentials (systemd-creds(1))"),
    MachineFile("var/lib/NetworkManager/secret_key", .secret, "makes the machine's addresses"),
    MachineFile("var/lib/bluetooth", .secret, "keys of paired devices"),
    MachineFile("var/lib/iwd", .secret, "passwords of networks"),
    MachineFile("var/lib/samba/private", .secret, "passwords, and the machine's account in its domain"),
    MachineFile("var/lib/sss/secrets", .secret, "passwords that programs left with sssd(8)"),
  ]

  private static let derived: [MachineFile] = [
    MachineFile("etc/.ast", .derived, "what ast notes for the start of the deployment"),
    MachineFile("etc/.updated", .derived, "says for which /usr the files were made (systemd-update-done(8))"),
    MachineFile("etc/ld.so.cache", .derived, "ldconfig(8) made it for the libraries of the generation"),
    MachineFile("etc/mtab", .derived, "a link to what the kernel says"),
    MachineFile("var/.updated", .derived, "says for which /usr the files were made (systemd-update-done(8))"),
  ]

  private static let volatile: [MachineFile] = [
    MachineFile("etc/adjtime", .volatile, "says how the machine's clock runs (hwclock(8))"),
    MachineFile("etc/resolv.conf", .volatile, "belongs to the network the machine is in"),
    MachineFile("etc/passwd-", .volatile, "the backup of a file that is merged by account"),
    MachineFile("etc/group-", .volatile, "the backup of a file that is merged by account"),
    MachineFile("etc/shadow-", .volatile, "the backup of a file that is merged by account"),
    MachineFile("etc/gshadow-", .volatile, "the backup of a file that is merged by account"),
    MachineFile("etc/subuid-", .volatile, "the backup of a file that is merged by account"),
    MachineFile("etc/subgid-", .volatile, "the backup of a file that is merged by account"),
    MachineFile("var/backups", .volatile, "copies of files of /etc, passwords among them, and of dpkg's database"),
    MachineFile("var/cache/apt", .volatile, "what apt has fetched; nodes share it by other means"),
    MachineFile("var/crash", .volatile, "memory of the machine's programs"),
    MachineFile("var/lib/apt/lists", .volatile, "what apt has fetched; nodes share it by other means"),
    MachineFile("var/lock", .volatile, "emptied at each boot (file-hierarchy(7))"),
    MachineFile("var/log", .volatile, "each machine writes its own"),
    MachineFile("var/run", .volatile, "emptied at each boot (file-hierarchy(7))"),
    MachineFile("var/tmp", .volatile, "emptied by age (file-hierarchy(7))"),
  ]

  /// The machine file for a path relative to the root; nil if the path is like others.
  public static func covering(_ path: FilePath) -> MachineFile? {
    // No entry is deeper, and what is below one is covered: a deep path takes no longer.
    var path = FilePath(root: nil, path.components.prefix(deepest))
    while let name = path.lastComponent {
      let above = path.removingLastComponent()
      let isBegun = { (file: MachineFile) in name.string.hasPrefix(file.path.lastComponent?.string ?? "") }
      if let file = byPath[path] ?? byDirectory[above]?.first(where: isBegun) { return file }
      path = above
    }
    return nil
  }

  /// The machine file for a path below /etc; nil if the path is like others.
  public static func covering(etc path: FilePath) -> MachineFile? {
    covering(FilePath("etc").pushing(FilePath(root: nil, path.components.prefix(deepest))))
  }

  private static let deepest = all.map(\.path.components.count).max() ?? 0
  private static let byPath = Dictionary(all.filter { !$0.isPrefix }.map { ($0.path, $0) }) { first, _ in first }
  /// The entries that are beginnings, by the directories of the names.
  private static let byDirectory = Dictionary(grouping: all.filter(\.isPrefix)) { $0.path.removingLastComponent() }
}
