import DebianFormats
import FoundationEssentials
import SystemPackage

/// What a user wants done to the packages of a node.
public enum PackageRequest: Sendable, Equatable {
  /// Install packages, named as apt users name them: `name`, `name=version`, `name/suite`, `name:architecture`, `name-`
  /// (to remove it in the same step), or the path of a `.deb` file.
  case install([String])
  /// Remove packages; with `purge` also their configuration files.
  case remove([String], purge: Bool)
  /// Bring all packages to the versions of their archives; packages that this needs come and go.
  case upgrade
  /// Install packages and count others that are there among those somebody asked for, after bringing all to the versions
  /// of their archives if `upgrading`.
  case adopt([String], marking: [String], upgrading: Bool)

  /// The name of the operation in the history.
  var kind: String {
    switch self {
    case .install: "install"
    case .remove: "remove"
    case .upgrade: "upgrade"
    case .adopt: "sync"
    }
  }

  /// The words of the user.
  var names: [String] {
    switch self {
    case .install(let names), .remove(let names, _), .adopt(let names, _, _): names
    case .upgrade: []
    }
  }

  /// What is there and is to count as asked for.
  var marks: [String] { if case .adopt(_, let marks, _) = self { marks } else { [] } }

  /// Whether all packages are to come to the versions of their archives.
  var isUpgrade: Bool { command == "dist-upgrade" }

  /// The command of apt-get(8), without the names.
  var command: String {
    switch self {
    case .install: "install"
    case .remove(_, let purge): purge ? "purge" : "remove"
    case .upgrade: "dist-upgrade"
    case .adopt(_, _, let upgrading): upgrading ? "dist-upgrade" : "install"
    }
  }
}

/// How a request is carried out.
public struct PackageOptions: Sendable, Equatable {
  /// When indices are fetched.
  public enum Refresh: Sendable, Equatable {
    /// If they were not since this moment.
    case since(Date)
    /// If there are none, or they are older than a day.
    case whenOld
    /// Only if there are none.
    case whenMissing
  }

  /// When indices are fetched.
  public var refresh = Refresh.whenOld
  /// Whether recommended packages come too; nil for what the node's apt is configured to do.
  public var recommends: Bool?
  /// Whether packages no node can do without (`Essential`, `Protected`) may be removed.
  public var allowsRemovingEssential = false
  /// How many packages may be removed that nobody named; nil for any number.
  public var removalLimit: Int?
  /// Whether packages that nothing needs any more go too.
  public var removesUnneeded = false

  /// The defaults.
  public init() {}
}
