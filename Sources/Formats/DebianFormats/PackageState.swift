import SystemPackage

/// The state of a Debian system that belongs to its set of packages, though packages keep it under `/var`.
///
/// `/var` is shared by all deployments and never rolled back, so this state lives in `/usr/lib/sysimage` and travels
/// with the root; a symlink stands at each old place. Directories only: programs replace single files by renaming over
/// them, which would replace a symlink too.
public enum PackageState {
  /// A directory that moves: from `place` in `/var` to `/usr/lib/sysimage/<home>`.
  public struct Directory: Sendable, Equatable {
    /// The path where packages look for it, relative to the root.
    public let place: FilePath
    /// Its new path, relative to `/usr/lib/sysimage`.
    public let home: FilePath

    /// The target of the symlink at ``place``.
    public var target: String {
      place.components.dropLast().map { _ in "../" }.joined() + PackageState.sysimage.pushing(home).string
    }

    fileprivate init(_ place: FilePath, _ home: FilePath) {
      self.place = place
      self.home = home
    }
  }

  /// The directory of the state, relative to the root.
  public static let sysimage: FilePath = "usr/lib/sysimage"

  /// dpkg's status database, relative to the root.
  public static let dpkgStatus: FilePath = "usr/lib/sysimage/dpkg/status"

  /// The directories that move.
  public static let directories: [Directory] = [
    // dpkg(1): packages, alternatives, triggers, diversions, statoverrides.
    Directory("var/lib/dpkg", "dpkg"),
    // debconf(7): the answers packages were configured with.
    Directory("var/cache/debconf", "debconf"),
    // ucf(1): checksums of the configuration files it manages.
    Directory("var/lib/ucf", "ucf"),
    // pam-auth-update(8): the enabled profiles, and the former contents of the files.
    Directory("var/lib/pam", "pam"),
    // deb-systemd-helper(1p): the units that packages enabled and administrators masked.
    Directory("var/lib/systemd/deb-systemd-helper-enabled", "systemd/deb-systemd-helper-enabled"),
    Directory("var/lib/systemd/deb-systemd-helper-masked", "systemd/deb-systemd-helper-masked"),
    Directory("var/lib/systemd/deb-systemd-user-helper-enabled", "systemd/deb-systemd-user-helper-enabled"),
    Directory("var/lib/systemd/deb-systemd-user-helper-masked", "systemd/deb-systemd-user-helper-masked"),
    // update-initramfs(8): the kernels for which it has made an initrd.
    Directory("var/lib/initramfs-tools", "initramfs-tools"),
    // dkms(8): modules built for the kernels in this root.
    Directory("var/lib/dkms", "dkms"),
    // Registries that packages' triggers derive from the installed packages.
    Directory("var/lib/dictionaries-common", "dictionaries-common"),
    Directory("var/lib/emacsen-common", "emacsen-common"),
    Directory("var/lib/sgml-base", "sgml-base"),
    Directory("var/lib/xml-core", "xml-core"),
    Directory("var/lib/python", "python"),
  ]

  /// The directories of ``directories`` that are at their old places while programs work in a node: all but dpkg's own,
  /// whose package is never removed.
  public static let lent = directories.filter { $0.home != "dpkg" }

  /// The configuration that tells apt where its record of automatically installed packages is: apt writes a new file
  /// and renames it over the old one, so a symlink in `/var` would not last (apt.conf(5), "Directories").
  public static let aptConfiguration = (
    path: FilePath("etc/apt/apt.conf.d/00ast-package-state"),
    text: """
    // ast keeps apt's record of automatically installed packages with the root it belongs to.
    Dir::State::extended_states "/usr/lib/sysimage/apt/extended_states";

    """
  )

  /// The configuration that tells DKMS where its state is: it compares paths as they are without links, and would take no
  /// module for installed. DKMS reads it as a script of bash (dkms(8), "framework.conf").
  public static let dkmsConfiguration = (
    path: FilePath("etc/dkms/framework.conf.d/00-ast.conf"),
    text: """
    # ast keeps the state of DKMS with the root it belongs to, and /var/lib/dkms is a link. DKMS needs the path without it.
    if [ -L /var/lib/dkms ]; then dkms_tree=$(readlink -f /var/lib/dkms); fi
    # While packages are installed in a node, ast signs modules with a key that is not in it (boot.sign-modules in
    # ast.toml(5)). Without that, no key is made in the node; one that is there, or was set above, is used.
    if [ -d /run/ast/sign ]; then
        sign_file=/run/ast/sign/sign-file mok_signing_key=/run/ast/sign/key mok_certificate=/run/ast/sign/certificate.der
    elif [ -e /run/ast/sandbox ] && [ -z "$mok_signing_key" ] && [ ! -e /var/lib/dkms/mok.key ]; then
        sign_file=/run/ast/sign/sign-file
    fi

    """
  )

  /// apt's record of automatically installed packages: apt's default place, and the place in a node.
  public static let aptExtendedStates = (
    place: FilePath("var/lib/apt/extended_states"), home: FilePath("apt/extended_states")
  )
}
