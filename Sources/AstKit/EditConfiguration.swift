import FoundationEssentials
import Glibc
import Sandbox
import SnapshotTree
import SystemPackage

/// `edit-conf`: the node's own settings, edited with the editor of the one who calls.
extension Store {
  /// The file, inside the node.
  public static let nodeConfiguration: FilePath = "/etc/ast/node.toml"

  /// Opens a copy of the node's settings in `editor` and commits what was saved.
  ///
  /// The editor is the host's, as with crontab(1) and sudoedit(8): a node need not have one.
  ///
  /// - Throws: `AstError`; the node is what it was then.
  public func editConfiguration(of id: NodeID, editor: String) throws -> RunOutcome {
    let transaction = try Transaction(on: id, "edit-conf", in: self)
    return try transaction.discarding {
      let inside = RootDirectory(transaction.clone.path)
      let before = try inside.contents(of: Store.nodeConfiguration) ?? Data()
      let after = try edit(before, with: editor)
      try Interruption.check()
      guard after != before else {
        try transaction.discardUnchanged()
        return RunOutcome(effect: .unchanged, status: 0, interruption: nil, operation: transaction.operation)
      }
      try inside.write(after, to: Store.nodeConfiguration)
      failPoint("edited")
      let accounts = try transaction.reconcileAccounts()
      let generation = try transaction.commit(try transaction.seal())
      return RunOutcome(
        effect: .committed(generation.number), status: 0, interruption: nil, operation: transaction.operation,
        accounts: accounts)
    }
  }

  private func edit(_ text: Data, with editor: String) throws -> Data {
    var template = Array("/tmp/ast-node-XXXXXX.toml".utf8CString)
    let file = FileDescriptor(rawValue: mkstemps(&template, 5))
    guard file.rawValue >= 0 else { throw Errno(rawValue: errno) }
    let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    defer { unlink(path) }
    try file.closeAfter { _ = try file.writeAll(text) }
    // The editor may be a command with options, so the shell splits it (crontab(1) does the same); the file's name is
    // an argument of its own.
    try Interruption.leavingKeys {
      try ChildProcess("sh", ["-c", "exec \(editor) \"$1\"", "sh", path]).runOnTerminal()
    }
    return try Data(contentsOf: URL(filePath: path))
  }
}
