import SystemPackage

/// The account files of /etc. A missing file is nil.
public struct AccountFiles: Hashable, Sendable {
  /// passwd(5).
  public var passwd: AccountFile<PasswdEntry>?
  /// group(5).
  public var group: AccountFile<GroupEntry>?
  /// shadow(5).
  public var shadow: AccountFile<ShadowEntry>?
  /// gshadow(5).
  public var gshadow: AccountFile<GroupShadowEntry>?
  /// subuid(5).
  public var subuid: AccountFile<SubordinateEntry>?
  /// subgid(5).
  public var subgid: AccountFile<SubordinateEntry>?

  /// The names of the files below /etc.
  public static let names: [FilePath] = ["passwd", "group", "shadow", "gshadow", "subuid", "subgid"]

  /// No files.
  public init() {}

  /// The files with these contents, by their names.
  public init(_ contents: [FilePath: [UInt8]]) {
    passwd = contents["passwd"].map(AccountFile.init)
    group = contents["group"].map(AccountFile.init)
    shadow = contents["shadow"].map(AccountFile.init)
    gshadow = contents["gshadow"].map(AccountFile.init)
    subuid = contents["subuid"].map(AccountFile.init)
    subgid = contents["subgid"].map(AccountFile.init)
  }

  /// The contents of the present files, by their names.
  public var contents: [FilePath: [UInt8]] {
    let all: [FilePath: [UInt8]?] = [
      "passwd": passwd?.content, "group": group?.content, "shadow": shadow?.content, "gshadow": gshadow?.content,
      "subuid": subuid?.content, "subgid": subgid?.content,
    ]
    return all.compactMapValues { $0 }
  }
}
