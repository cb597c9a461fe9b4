import Etc
import FoundationEssentials
import Host
import Sandbox
import SystemPackage

/// The system users and groups that a deployment has and the running system lacks. They are made there, with the same
/// numbers, before the packages that would make them.
struct LiveAccounts {
  let groups: [GroupEntry]
  let users: [PasswdEntry]

  /// Finds the accounts that `deployment` has and the root at `running` lacks.
  ///
  /// - Throws: `AstError` if the number of one is taken.
  init(of deployment: FilePath, missingIn running: FilePath) throws {
    groups = try Self.missing(GroupEntry.self, "/etc/group", of: deployment, in: running)
    users = try Self.missing(PasswdEntry.self, "/etc/passwd", of: deployment, in: running)
  }

  /// Makes the accounts with the programs that packages use: these lock the files, and replace them as a whole.
  func make() throws {
    for group in groups {
      try ChildProcess("groupadd", ["--system", "--gid", "\(group.id)", "--", group.name]).run()
    }
    for user in users {
      let (comment, home, shell) = (text(user[4]), text(user[5]), text(user[6]))
      try ChildProcess(
        "useradd",
        [
          "--system", "--badname", "--no-create-home", "--uid", "\(user.id)", "--gid", "\(user.group)", "--comment",
          comment, "--home-dir", home, "--shell", shell, "--", user.name,
        ]
      ).run()
    }
  }

  private func text(_ field: [UInt8]) -> String { String(decoding: field, as: UTF8.self) }

  private static func missing<Entry: AccountEntry>(
    _: Entry.Type, _ file: FilePath, of deployment: FilePath, in running: FilePath
  ) throws -> [Entry] {
    let entries = try [deployment, running].map { root in
      AccountFile<Entry>(try RootDirectory(root).contents(of: file) ?? Data()).entries
    }
    let names = Set(entries[1].map(\.name))
    let taken = Dictionary(entries[1].map { ($0.id, $0.name) }) { first, _ in first }
    let missing = entries[0].filter { !names.contains($0.name) && !isPerson($0.id) }
    for entry in missing {
      guard let other = taken[entry.id] else { continue }
      throw AstError(.failed, "\(file): \(other) has the number \(entry.id), which is \(entry.name)'s in all nodes")
    }
    return missing
  }
}
