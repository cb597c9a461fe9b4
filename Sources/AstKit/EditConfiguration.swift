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
    try edit(id, as: "edit-conf") { clone in
      let inside = RootDirectory(clone)
      let before = try inside.contents(of: Store.nodeConfiguration) ?? Data()
      let after = try edit(before, with: editor)
      if after != before { try inside.write(after, to: Store.nodeConfiguration) }
      return after != before
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
