import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// A copy of a node's settings for the user to edit. What the user typed is never lost.
struct ConfigurationDraft {
  /// The file.
  let path: FilePath
  /// The content that the file began with.
  let original: Data

  /// Creates the file.
  init(of text: Data) throws {
    original = text
    var template = Array("/tmp/ast-node-XXXXXX.toml".utf8CString)
    let file = FileDescriptor(rawValue: mkstemps(&template, 5))
    guard file.rawValue >= 0 else { throw FileError("make a file in", "/tmp", Errno(rawValue: errno)) }
    path = FilePath(String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self))
    do {
      try Files.attempt("write", path) { try file.closeAfter { _ = try file.writeAll(text) } }
    } catch {
      remove()
      throw error
    }
  }

  /// The content of the file.
  var text: Data { get throws { try Files.contents(of: path) } }

  /// Opens the file in an editor, and waits for the editor to end.
  func edit(with editor: String) throws {
    // The editor may be a command with options, so the shell splits it (crontab(1) does the same); the file's name is
    // an argument of its own.
    try Interruption.leavingKeys {
      try ChildProcess("sh", ["-c", "exec \(editor) \"$1\"", "sh", path.string]).runOnTerminal()
    }
  }

  /// Removes the file.
  func remove() { unlink(path.string) }

  /// The error to report. If the user typed anything, the file stays and the error names it.
  func closed(by error: AstError) -> AstError {
    guard let text = try? text else { return error }
    guard text != original else {
      remove()
      return error
    }
    return error.advising((["what you typed is in \(path)"] + [error.hint].compactMap(\.self)).joined(separator: "; "))
  }
}
