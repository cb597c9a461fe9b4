import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import Store
import SystemPackage

/// A copy of a node's settings for the user to edit. What the user typed is never lost.
struct ConfigurationDraft {
  /// The file.
  let path: FilePath
  /// The content that the file began with.
  let original: Data

  /// Creates the file.
  ///
  /// - Parameter store: the store of the node.
  init(of text: Data, for node: NodeID, in store: FilePath) throws {
    original = text
    var template = Array("\(Self.directory)/\(Self.prefix(of: node, in: store))\(getpid())-XXXXXX.toml".utf8CString)
    let file = FileDescriptor(rawValue: mkstemps(&template, 5))
    guard file.rawValue >= 0 else { throw FileError("make a file in", Self.directory, Errno(rawValue: errno)) }
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
    do {
      try Interruption.leavingKeys {
        try ChildProcess("sh", ["-c", "exec \(editor) \"$1\"", "sh", path.string]).runOnTerminal()
      }
    } catch let error as AstError where error.code == .failed {
      throw AstError(
        .failed, "the editor `\(editor)`: \(error.reason)", state: .unchanged,
        hint: "the variables VISUAL and EDITOR name another one")
    }
  }

  /// The files of this node's settings that killed commands have left. Those in which nothing was typed are removed.
  ///
  /// - Returns: the others, each once: only the user can know whether they are still needed.
  static func leftovers(of node: NodeID, in store: FilePath, beginningWith original: Data) -> [FilePath] {
    guard let directory = try? OpenDirectory(directory), let names = try? directory.names() else { return [] }
    let prefix = prefix(of: node, in: store)
    return names.compactMap { name in
      guard isLeftover(name, prefix), let status = try? directory.status(of: name), status.st_uid == geteuid(),
        status.st_mode & 0o200 != 0, let text = try? directory.contents(of: name, limit: 1 << 20)
      else { return nil }
      guard text.elementsEqual(original) else {
        let path = directory.path.appending(name)
        markKnown(path)
        return path
      }
      try? directory.remove(name)
      return nil
    }
  }

  /// Marks a file that the user knows of.
  private static func markKnown(_ path: FilePath) { try? Files.setMode(path, 0o400) }

  /// Whether it is the name of a draft whose command has ended.
  private static func isLeftover(_ name: FilePath.Component, _ prefix: String) -> Bool {
    guard name.string.hasPrefix(prefix), name.string.hasSuffix(".toml"),
      let process = Int32(name.string.dropFirst(prefix.count).prefix { $0 != "-" })
    else { return false }
    return process > 0 && kill(process, 0) != 0 && errno == ESRCH
  }

  /// The beginning of the names: several stores can have a node of this number.
  private static func prefix(of node: NodeID, in store: FilePath) -> String {
    "ast-node-\(node)-\(Store.identity(of: store) ?? "")-"
  }
  private static let directory: FilePath = "/tmp"

  /// Removes the file.
  func remove() { unlink(path.string) }

  /// The error to report. If the user typed anything, the file stays and the error names it.
  func closed(by error: AstError) -> AstError {
    guard let text = try? text else { return error }
    guard text != original else {
      remove()
      return error
    }
    Self.markKnown(path)
    return error.advising((["what you typed is in \(path)"] + [error.hint].compactMap(\.self)).joined(separator: "; "))
  }
}
