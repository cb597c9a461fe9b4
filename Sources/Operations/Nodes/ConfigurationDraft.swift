import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// A copy of a node's settings that somebody edits. What was typed is not lost, whatever becomes of it.
struct ConfigurationDraft {
  /// The file.
  let path: FilePath
  /// What was in it first.
  let original: Data

  /// Makes the file.
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

  /// What is in it.
  var text: Data { get throws { try Files.contents(of: path) } }

  /// Opens it in an editor, and waits for its end.
  func edit(with editor: String) throws {
    // The editor may be a command with options, so the shell splits it (crontab(1) does the same); the file's name is
    // an argument of its own.
    try Interruption.leavingKeys {
      try ChildProcess("sh", ["-c", "exec \(editor) \"$1\"", "sh", path.string]).runOnTerminal()
    }
  }

  /// Removes it.
  func remove() { unlink(path.string) }

  /// The error that the work on it ends with: where something was typed, the file stays, and the error says so.
  func closed(by error: AstError) -> AstError {
    guard let text = try? text else { return error }
    guard text != original else {
      remove()
      return error
    }
    return error.advising((["what you typed is in \(path)"] + [error.hint].compactMap(\.self)).joined(separator: "; "))
  }
}
