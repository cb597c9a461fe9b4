import Btrfs
import Etc
import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

@testable import Rootfs

/// The table of what is the machine's own, compared with the files of a Debian.
@Suite("Machine files", .requiresRoot)
struct MachineFileTests {
  /// Files that others must not read, or that look like keys, and that are not the machine's own.
  private static let harmless: [(file: FilePath, reason: String)] = [
    ("etc/.pwd.lock", "a lock, always empty (lckpwdf(3))"),
    ("etc/sudoers", "says who may do what; has no passwords"),
    ("etc/sudoers.d", "says who may do what; has no passwords"),
    ("etc/at.deny", "names of users"),
    ("etc/cron.deny", "names of users"),
    ("etc/apt/trusted.gpg.d", "public keys"),
    ("etc/ssh/moduli", "public numbers"),
    ("etc/ssl/certs", "public certificates"),
    ("var/lib/dpkg/lock", "a lock, always empty"),
    ("var/lib/dpkg/lock-frontend", "a lock, always empty"),
    ("var/lib/dpkg/triggers/Lock", "a lock, always empty"),
    ("var/log", "contents of logs are not added to another /var"),
    ("var/cache/ldconfig/aux-cache", "ldconfig(8) made it for the libraries of the generation; it makes a new one"),
    ("var/cache/apparmor", "profiles of packages, compiled"),
  ]

  /// What packages and administrators put on a machine, beyond the files of a small Debian.
  private static let typical = """
    umask 077
    mkdir -p etc/{ssh,security,wireguard,NetworkManager/system-connections,ssl/private,ppp,bind,mysql,exim4,chrony}
    mkdir -p etc/{cryptsetup-keys.d,credstore.encrypted,apt/auth.conf.d,letsencrypt/live/x,sudoers.d,netplan}
    mkdir -p var/lib/{NetworkManager,bluetooth/AA,iwd,samba/private,systemd,dbus} var/backups var/crash
    for name in rsa ecdsa ed25519; do ssh=etc/ssh/ssh_host_${name}_key; echo x >$ssh; echo x >$ssh.pub; done
    for file in etc/shadow etc/gshadow etc/shadow- etc/gshadow- etc/passwd- etc/security/opasswd etc/.pwd.lock \
      etc/wireguard/wg0.conf etc/NetworkManager/system-connections/home.nmconnection etc/ssl/private/ssl-cert-snakeoil.key \
      etc/ppp/chap-secrets etc/ppp/pap-secrets etc/bind/rndc.key etc/mysql/debian.cnf etc/exim4/passwd.client \
      etc/chrony/chrony.keys etc/cryptsetup-keys.d/root.key etc/credstore.encrypted/x etc/apt/auth.conf \
      etc/apt/auth.conf.d/x.conf etc/letsencrypt/live/x/privkey.pem etc/krb5.keytab etc/sudoers.d/x etc/netplan/x.yaml \
      var/lib/NetworkManager/secret_key var/lib/bluetooth/AA/info var/lib/iwd/x.psk var/lib/samba/private/secrets.tdb \
      var/lib/systemd/random-seed var/lib/systemd/credential.secret var/backups/shadow.bak var/crash/x.crash; do
      echo x >$file
    done
    """

  @Test func everySecretIsInTheTableOrHarmless() throws {
    let root = try LoopBtrfs.shared.newDirectory().appending("root")
    try Subvolume.create(at: root)
    try runSuccessfully(["tar", "-C", root.string, "-xf", DebianRoot.archive(of: DebianRoot.suite).string])
    try EtcTrees.change(root, Self.typical, in: "")
    let suspicious = try runSuccessfully(
      [
        "sh", "-c",
        """
        find etc var -type f \\( ! -perm -o=r -o -name '*.key' -o -name '*_key' -o -name '*secret*' \\)
        grep -rlE 'PRIVATE KEY|BEGIN OPENSSH' etc var || true
        """,
      ], in: root)
    let files = Set(suspicious.split(separator: "\n").map(String.init))
    #expect(files.count > 30)
    let unknown = files.filter { file in
      let path = FilePath(file)
      return MachineFile.covering(path) == nil && !Self.harmless.contains { path.starts(with: $0.file) }
    }
    #expect(unknown.sorted() == [])
  }

  @Test func noSecretOfVarIsAddedToAnother() throws {
    let directory = try LoopBtrfs.shared.newDirectory()
    let (root, shared) = (directory.appending("root"), directory.appending("shared"))
    for place in [root, shared] { try Subvolume.create(at: place) }
    try EtcTrees.change(root, Self.typical, in: "")
    _ = try SeedVar(from: root, into: shared).run()
    #expect(try runSuccessfully(["find", ".", "-type", "f"], in: shared) == "")
  }

  @Test(arguments: [
    ("etc/machine-id", MachineFile.Kind.identity), ("etc/ssh/ssh_host_rsa_key.pub", .identity), ("etc/.ast", .derived),
    ("etc/.ast/seed", .derived), ("etc/.updated", .derived), ("etc/shadow", .secret), ("etc/shadow-", .volatile),
    ("etc/apt/auth.conf.d/x", .secret), ("var/lib/bluetooth/AA/info", .secret), ("var/tmp/x", .volatile),
  ])
  func aDirectoryCoversItsContents(path: String, kind: MachineFile.Kind) {
    #expect(MachineFile.covering(FilePath(path))?.kind == kind)
  }

  @Test(arguments: [
    "", "etc", "etc/ssh", "etc/ssh/sshd_config", "etc/shadow.old", "var", "var/lib", "var/lib/dbus", "usr",
  ])
  func otherPathsAreNotCovered(path: String) {
    #expect(MachineFile.covering(FilePath(path)) == nil)
  }
}
