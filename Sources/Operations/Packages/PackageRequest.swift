import DebianFormats
import FoundationEssentials
import SystemPackage

/// A change that a user wants to make to the packages of a node.
public enum PackageRequest: Sendable, Equatable {
  /// Install packages, named as apt users name them: `name`, `name=version`, `name/suite`, `name:architecture`, `name-`
  /// (to remove it in the same step), or the path of a `.deb` file.
  case install([String])
  /// Remove packages; with `purge` also their configuration files.
  case remove([String], purge: Bool)
  /// Upgrade all packages, and install and remove others as that needs.
  case upgrade
  /// Upgrade packages to versions that are security updates, and install others of these that they need.
  case securityUpgrade
  /// Install packages, and count others that are installed already as asked for; if `upgrading`, upgrade all packages too.
  case adopt([String], marking: [String], upgrading: Bool)

  /// The name of the operation in the history.
  var kind: String {
    switch self {
    case .install: "install"
    case .remove: "remove"
    case .upgrade, .securityUpgrade: "upgrade"
    case .adopt: "sync"
    }
  }

  /// The words of the user.
  var names: [String] {
    switch self {
    case .install(let names), .remove(let names, _), .adopt(let names, _, _): names
    case .upgrade, .securityUpgrade: []
    }
  }

  /// The installed packages that should count as asked for.
  var marks: [String] { if case .adopt(_, let marks, _) = self { marks } else { [] } }

  /// Whether it names nothing but files of the host, which may need nothing from an archive.
  var namesOnlyFiles: Bool {
    if case .install(let names) = self { !names.isEmpty && names.allSatisfy(Self.isFile) } else { false }
  }

  /// Whether what is installed, and the files that it names, can be enough to plan it.
  var canDoWithoutIndices: Bool { isRemoval || namesOnlyFiles }

  /// Whether a user asks for packages by name.
  var isInstallation: Bool { if case .install = self { true } else { false } }

  /// Whether it does nothing but remove.
  var isRemoval: Bool { if case .remove = self { true } else { false } }

  /// Whether a word of the user is the path of a file: it has a slash in it, and begins or ends as a path of a package
  /// does. (`name/suite` does not.)
  static func isFile(_ word: String) -> Bool {
    ["/", "./", "../"].contains { word.hasPrefix($0) } || (word.contains("/") && word.hasSuffix(".deb"))
  }

  /// Whether all packages are upgraded that it can upgrade.
  var isUpgrade: Bool { command.hasSuffix("upgrade") }

  /// What apt plans it with.
  var lists: AptSession.Lists { self == .securityUpgrade ? .security : .all }

  /// The command of apt-get(8), without the names.
  var command: String {
    switch self {
    case .install: "install"
    case .remove(_, let purge): purge ? "purge" : "remove"
    case .upgrade: "dist-upgrade"
    // It removes nothing (apt-get(8)).
    case .securityUpgrade: "upgrade"
    case .adopt(_, _, let upgrading): upgrading ? "dist-upgrade" : "install"
    }
  }
}

/// How a request is carried out.
public struct PackageOptions: Sendable, Equatable {
  /// When indices are fetched.
  public enum Refresh: Sendable, Equatable {
    /// If they were last fetched before this moment: if no source can be fetched, that is an error.
    case since(Date)
    /// If there are none, or they are older than a day: if no source can be fetched, what is there has to be enough.
    case whenOld
    /// Never: what is there has to be enough.
    case never
  }

  /// When indices are fetched.
  public var refresh = Refresh.whenOld
  /// Whether recommended packages are installed too; nil leaves it to the configuration of the node's apt.
  public var recommends: Bool?
  /// Whether packages that a system cannot do without (`Essential`, `Protected`) may be removed.
  public var allowsRemovingEssential = false
  /// Whether packages on hold may be changed.
  public var changesHeld = false
  /// How many packages may be removed that the request does not name; nil for any number.
  public var removalLimit: Int?
  /// Whether packages that are no longer needed are removed too.
  public var removesUnneeded = false

  /// The defaults.
  public init() {}
}
