import SystemPackage

/// A path below /etc that is not merged, because one side always wins.
public struct MachineFile: Hashable, Sendable {
  /// The path, or its beginning.
  public let path: FilePath
  /// Whether all names that begin with the last component are meant.
  public let isPrefix: Bool
  /// The side whose version the new deployment gets.
  public let side: Side
  /// The reason, for people.
  public let reason: String

  private init(_ path: FilePath, isPrefix: Bool = false, _ side: Side, _ reason: String) {
    self.path = path
    self.isPrefix = isPrefix
    self.side = side
    self.reason = reason
  }

  /// All machine files. Files that are `live` here are kept in a fresh /etc, too.
  public static let all: [MachineFile] = [
    MachineFile("machine-id", .live, "journal, DHCP leases and D-Bus know the machine by it (machine-id(5))"),
    MachineFile("hostname", .live, "the machine's name"),
    MachineFile("hosts", .live, "has the machine's name"),
    MachineFile("mailname", .live, "the machine's name in mail"),
    MachineFile("machine-info", .live, "describes the machine (machine-info(5))"),
    MachineFile("ssh/ssh_host_", isPrefix: true, .live, "clients know the machine by its keys (sshd(8))"),
    MachineFile("krb5.keytab", .live, "the machine's keys in its Kerberos realm"),
    MachineFile("hostid", .live, "the machine's number (gethostid(3)); ZFS pools have it"),
    MachineFile("iscsi/initiatorname.iscsi", .live, "storage knows the machine by it"),
    MachineFile("nvme/hostnqn", .live, "storage knows the machine by it"),
    MachineFile("nvme/hostid", .live, "storage knows the machine by it"),
    MachineFile("adjtime", .live, "says how the machine's clock runs (hwclock(8))"),
    MachineFile("resolv.conf", .live, "belongs to the network the machine is in"),
    MachineFile("passwd-", .live, "the backup of a file that is merged by account"),
    MachineFile("group-", .live, "the backup of a file that is merged by account"),
    MachineFile("shadow-", .live, "the backup of a file that is merged by account"),
    MachineFile("gshadow-", .live, "the backup of a file that is merged by account"),
    MachineFile("subuid-", .live, "the backup of a file that is merged by account"),
    MachineFile("subgid-", .live, "the backup of a file that is merged by account"),
    MachineFile("mtab", .new, "a link to what the kernel says"),
    MachineFile("ld.so.cache", .new, "ldconfig(8) made it for the libraries of the generation"),
    MachineFile(".updated", .new, "says for which /usr the files were made (systemd-update-done(8))"),
  ]

  /// The machine file for a path; nil if the path is merged.
  public static func covering(_ path: FilePath) -> MachineFile? {
    all.first { file in
      guard file.isPrefix else { return file.path == path }
      let start = file.path.lastComponent?.string ?? ""
      return path.removingLastComponent() == file.path.removingLastComponent()
        && path.lastComponent?.string.hasPrefix(start) ?? false
    }
  }
}
