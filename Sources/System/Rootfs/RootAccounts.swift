import Etc
import FoundationEssentials
import Host
import Sandbox
import SnapshotTree
import SystemPackage

/// The users and groups of a root file system: its /etc/passwd and /etc/group.
package struct RootAccounts {
  private let root: RootDirectory
  private var passwd: AccountFile<PasswdEntry>
  private var group: AccountFile<GroupEntry>

  private static let passwdFile: FilePath = "/etc/passwd"
  private static let groupFile: FilePath = "/etc/group"

  /// Reads the files of the root at `path`; a missing file counts as empty. Links inside do not lead out of it.
  package init(in path: FilePath) throws {
    root = RootDirectory(path)
    passwd = AccountFile(try Self.read(Self.passwdFile, in: root))
    group = AccountFile(try Self.read(Self.groupFile, in: root))
  }

  private static func read(_ file: FilePath, in root: RootDirectory) throws -> Data {
    do {
      return try root.contents(of: file) ?? Data()
    } catch let error as FileError {
      throw AstError(.failed, "cannot read \(file) in \(root.path): \(error.errno)")
    }
  }

  /// The numbers of its users or groups.
  package func numbers(_ kind: Account.Kind) -> AccountNumbers {
    switch kind {
    case .user: AccountNumbers(passwd.entries)
    case .group: AccountNumbers(group.entries)
    }
  }

  /// Writes the files with new numbers, given by old ones.
  package mutating func renumber(users: [UInt32: UInt32], groups: [UInt32: UInt32]) throws {
    let before = (passwd, group)
    passwd.update { entry in
      entry.id = users[entry.id] ?? entry.id
      entry.group = groups[entry.group] ?? entry.group
    }
    group.update { $0.id = groups[$0.id] ?? $0.id }
    if passwd != before.0 { try root.write(Data(passwd.content), to: Self.passwdFile) }
    if group != before.1 { try root.write(Data(group.content), to: Self.groupFile) }
  }
}
