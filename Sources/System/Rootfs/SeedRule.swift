import DebianFormats
import Etc
import Glibc
import SystemPackage

/// The part of a path in a generation's /var that may be added to the shared one.
///
/// Whatever is added stays, also when the machine goes back to an earlier deployment, so nothing is added that starts a
/// program, lets somebody in, or is a secret of the place where the node was made.
enum SeedRule {
  /// Nothing.
  case none
  /// A symbolic link.
  case link
  /// A directory, not its contents.
  case directory
  /// A directory or a link, not the contents.
  case itself
  /// Directories and what is in them, but only directories.
  case directories
  /// Everything but regular files.
  case noFiles
  /// Everything, but regular files only if a package brought them.
  case packaged
  /// Everything, but regular files are made empty: a daemon may not be permitted to make its own.
  case emptyFiles
  /// Everything.
  case all

  /// The places of /var and their rules; each also applies below its path, unless there is another one for that.
  private static let places: [FilePath: SeedRule] = [
    // Data that packages' scripts make: a database, an index, a first web page (file-hierarchy(7), FHS 5).
    "cache": .all, "games": .all, "lib": .all, "local": .all, "opt": .all, "www": .all,
    // Volatile: emptied by age, or at each boot. Two are links to /run.
    "tmp": .itself, "run": .itself, "lock": .itself,
    // The machine's own files, in the directories of packages: mail, backups, memory of programs.
    "mail": .directory, "backups": .directories, "crash": .directories,
    // Each machine writes its own logs, into files that packages prepared. An empty journal is a damaged one.
    "log": .emptyFiles, "log/journal": .directory,
    // Files that apt fetches are shared by other means.
    "cache/apt": .noFiles, "lib/apt/lists": .noFiles,
    // Services with users of the moment (DynamicUser= in systemd.exec(5)): systemd makes their directories.
    "cache/private": .directory, "lib/private": .directory, "log/private": .directory,
    // Jobs of cron, at, incron and fcron run as users of the machine, root among them.
    "spool/cron": .directories, "spool/cron/crontabs": .directory, "spool/cron/atjobs": .directory,
    "spool/cron/atspool": .directory, "spool/at": .directory, "spool/incron": .directory, "spool/fcron": .directory,
    // Users whose services run at each start (loginctl(1)), times of timers. Packages need only directories there, and
    // the index of messages.
    "lib/systemd": .directories, "lib/systemd/linger": .directory, "lib/systemd/catalog": .all,
    // Services and whole systems that the machine starts or lays over /usr and /etc (portablectl(1), machinectl(1),
    // systemd-sysext(8)).
    "lib/portables": .directory, "lib/machines": .directory, "lib/extensions": .directory,
    "lib/extensions.mutable": .directory, "lib/confexts": .directory,
    // Containers that their daemons start, scripts of cloud-init at each boot.
    "lib/containerd": .directory, "lib/containers": .directory, "lib/docker": .directory, "lib/incus": .directory,
    "lib/lxc": .directory, "lib/lxd": .directory, "lib/cloud": .directories,
    // Rights: who was asked for a password a moment ago, what needs none.
    "lib/sudo": .directories, "lib/polkit-1": .packaged,
    // SeedVar uses this name.
    SeedWalk.workshop: .none,
  ]

  /// What a user's programs read in a home directory, and some accounts of packages have theirs in /var: keys that open
  /// the account (sshd(8)), and units that start with it (systemd.unit(5)).
  private static let inHomes: [FilePath] = [".ssh", ".config/systemd", ".local/share/systemd"]

  /// The links of the package state in /var, and the directories that they lead to, both relative to what they are in.
  static let packageState = Dictionary(
    uniqueKeysWithValues: PackageState.directories.map { directory in
      (FilePath(root: nil, directory.place.components.dropFirst()), PackageState.sysimage.pushing(directory.home))
    })

  /// The rule for a path below /var. Spools, and places that are not listed, get the files of packages.
  static func of(_ path: FilePath) -> SeedRule {
    if packageState[path] != nil { return .link }
    if let rule = places[path] { return rule }
    guard !path.isEmpty else { return .packaged }
    if inHomes.contains(where: path.ends(with:)) { return .none }
    let above = path.removingLastComponent()
    if let rule = ofMachine(path), ofMachine(above) == nil { return rule }
    let rule = of(above)
    return rule.goesDeeper ? rule : .none
  }

  /// The rule for what is the machine's own. A package may own the directory of a secret.
  private static func ofMachine(_ path: FilePath) -> SeedRule? {
    switch MachineFile.covering(FilePath("var").pushing(path))?.kind {
    case .identity: .link
    case .secret, .derived, .volatile: .directories
    case nil: nil
    }
  }

  /// Whether a file of this type may be added. Device nodes and sockets never are.
  func admits(_ type: UInt32, isPackaged: Bool) -> Bool {
    switch type {
    case S_IFDIR: ![.none, .link].contains(self)
    case S_IFLNK: ![.none, .directory, .directories].contains(self)
    case S_IFIFO: [.noFiles, .packaged, .emptyFiles, .all].contains(self)
    case S_IFREG: self == .all || self == .emptyFiles || self == .packaged && isPackaged
    default: false
    }
  }

  /// Whether something in a directory with this rule may be added.
  var goesDeeper: Bool { ![.none, .link, .directory, .itself].contains(self) }
}
