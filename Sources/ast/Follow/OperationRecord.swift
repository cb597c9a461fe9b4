import Glibc
import Host
import SnapshotTree
import Store
import SystemPackage

/// The file of a command that works, in /run/ast/operations: the first event, and the last progress of each node it
/// works on. Others follow the command by it, and find its process.
///
/// The file is named for the process, because a plan has no number in the history yet, and two stores have the same
/// numbers. A link with the number leads to it from the moment that there is one. Nothing that fails here disturbs the
/// work: at worst it cannot be followed.
struct OperationRecord: Sendable {
  static let directory: FilePath = "/run/ast/operations"

  /// The directory, kept open: `install --live` covers /run/ast with other files.
  private let place: FileDescriptor
  private let name: String
  private let mode: mode_t
  private var link: String?

  /// The record of this process.
  ///
  /// - Parameter isPublic: whether users may read it.
  init?(named name: String, isPublic: Bool) {
    for directory in [Self.directory.removingLastComponent(), Self.directory] {
      guard mkdir(directory.string, 0o755) == 0 || errno == EEXIST else { return nil }
    }
    guard let place = try? FileDescriptor.open(Self.directory, .readOnly, options: [.directory, .closeOnExec]) else {
      return nil
    }
    self.place = place
    self.name = name
    mode = isPublic ? 0o644 : 0o600
    Self.removeLeftovers()
  }

  /// Replaces what the record says.
  mutating func write(_ lines: [String], as transaction: OperationID?) {
    let new = path(".\(name)")
    do {
      let file = try FileDescriptor.open(
        new, .writeOnly, options: [.create, .truncate, .noFollow, .closeOnExec], permissions: .ownerReadWrite)
      try file.closeAfter {
        _ = try file.writeAll(lines.map { "\($0)\n" }.joined().utf8)
        _ = fchmod(file.rawValue, mode)
      }
      guard rename(new.string, path(name).string) == 0 else { throw Errno(rawValue: errno) }
      if link == nil, let transaction { link = makeLink("t\(transaction)") }
    } catch {
      unlink(new.string)
    }
  }

  /// Removes the record. Whoever has it open reads its last line.
  func end(_ line: String) {
    let file = try? FileDescriptor.open(path(name), .writeOnly, options: [.append, .noFollow, .closeOnExec])
    _ = try? file?.closeAfter { try file?.writeAll("\(line)\n".utf8) }
    if let link { unlink(path(link).string) }
    unlink(path(name).string)
    try? place.close()
  }

  /// The name, unless a command on another store has it.
  private func makeLink(_ link: String) -> String? {
    symlink(name, path(link).string) == 0 ? link : nil
  }

  private func path(_ name: String) -> FilePath { FilePath("/proc/self/fd/\(place.rawValue)").appending(name) }

  /// Removes the records of commands that were killed, and the links to them.
  private static func removeLeftovers() {
    // Records come before links: p, t.
    for name in ((try? Files.names(in: directory)) ?? []).sorted() {
      let path = directory.appending(name)
      switch name.first {
      case "p": if OperationAtWork(path).map({ !$0.start.process.isAlive }) ?? true { unlink(path.string) }
      case ".": if let pid = Int32(name.dropFirst(2)), kill(pid, 0) != 0, errno == ESRCH { unlink(path.string) }
      default: if access(path.string, F_OK) != 0 { unlink(path.string) }
      }
    }
  }
}
