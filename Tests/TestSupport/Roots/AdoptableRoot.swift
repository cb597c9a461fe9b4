import SystemPackage

/// A small system that can be adopted, with data of all kinds in its /var, /home, /root and /srv.
public enum AdoptableRoot {
  /// The version of its kernel.
  public static let version = "6.1.0-1-amd64"

  /// Makes the system in a directory, the root of a btrfs subvolume, with these lines as its /etc/fstab.
  public static func fill(_ root: FilePath, mounting table: String) throws {
    try runSuccessfully(["cp", "-a", "\(try TinyRoot.path)/.", root.string])
    let environment = plainEnvironment.merging(["FSTAB": table]) { $1 }
    try runSuccessfully(["sh", "-ec", script], environment: environment, in: root)
  }

  private static let script = """
    umask 022
    printf '%s' "$FSTAB" >etc/fstab
    echo 0123456789abcdef0123456789abcdef >etc/machine-id
    echo 'PRETTY_NAME="Tiny 1 (small)"' >usr/lib/os-release
    mkdir -p boot/grub/i386-pc boot/grub/fonts lib/modules/\(version) home srv data games opt usr/local tmp
    ln -s /bin/sh sbin/init
    echo a kernel >boot/vmlinuz-\(version)
    echo an initrd >boot/initrd.img-\(version)
    echo >lib/modules/\(version)/modules.dep
    echo a module >boot/grub/i386-pc/normal.mod
    echo a font >boot/grub/fonts/unicode.pf2
    printf 'if [ -f ${config_directory}/custom.cfg ]; then\n  source ${config_directory}/custom.cfg\nfi\n' \
      >boot/grub/grub.cfg
    mkdir -p var/lib/dpkg/info var/lib/dpkg/updates
    touch var/lib/dpkg/lock var/lib/dpkg/lock-frontend
    for name in alpha beta; do
      printf '%s\n' /. /var /var/lib /var/lib/alpha /var/cache/alpha /var/log/alpha >var/lib/dpkg/info/$name.list
      echo >var/lib/dpkg/info/$name.md5sums
    done
    mkdir -p home/anna srv/site root/.ssh var/lib/alpha/data var/cache/alpha/x var/log/alpha var/mail
    mkdir -p var/lib/apt var/cache/debconf
    echo precious >home/anna/file; ln home/anna/file home/anna/link; echo page >srv/site/page; echo key >root/.ssh/key
    echo rc >root/.bashrc; echo said >var/log/alpha/log; echo cached >var/cache/alpha/x/y; echo post >var/mail/anna
    echo small >var/lib/small; echo auto >var/lib/apt/extended_states; echo answers >var/cache/debconf/config.dat
    chmod 700 root; chown 12:34 srv
    head -c 34M /dev/zero >var/lib/alpha/data/blob
    touch var/nocow; chattr +C var/nocow; head -c 100k /dev/urandom >var/nocow
    echo fixed >etc/fixed; chattr +i etc/fixed
    mkdir var/lib/machines; rmdir var/lib/machines; btrfs -q subvolume create var/lib/machines
    echo inner >var/lib/machines/file
    """
}
