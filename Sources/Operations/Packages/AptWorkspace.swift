import Btrfs
import FoundationEssentials
import Glibc
import Host
import Sandbox
import Store
import SystemPackage

/// A directory of its own for each command that works with apt: copies of the indices, room for apt's caches, and what
/// apt's hook says. Everything in it can be thrown away.
///
/// Files come and go as reflinks, so nobody waits for anybody, and nothing that a package's script does to them reaches
/// another node. What runs in a node can turn anything in `writable` into a link to anywhere: once something has run,
/// that is read and written through `written` only.
final class AptWorkspace {
  /// Where it is.
  let path: FilePath
  private let lock: Lock

  /// Makes one in `directory`, and removes those that dead commands left there.
  init(in directory: FilePath) throws {
    // Whoever makes or removes workspaces is alone: one that nobody has locked is nobody's.
    let alone = try Leftovers.lockWorkspaces(in: directory)
    defer { withExtendedLifetime(alone) {} }
    Leftovers.removeUnusedWorkspaces(in: directory)
    var template = Array(directory.appending("\(Leftovers.workspacePrefix)XXXXXX").string.utf8CString)
    guard mkdtemp(&template) != nil else {
      throw FileError("make a directory in", directory, Errno(rawValue: errno))
    }
    path = FilePath(String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self))
    guard let lock = try Lock.take("lock", in: path, wait: .never) else {
      throw FileError("lock", path, .resourceBusy)
    }
    self.lock = lock
    // apt's methods run as a user of their own (APT::Sandbox::User in apt.conf(5)).
    try Files.setMode(path, 0o755)
    for name in ["given", "given/archives", "writable", "writable/lists", "writable/cache", "writable/cache/archives"] {
      try Files.makeDirectory(path.appending(name))
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: path.string) }

  /// What is shown to the sandbox, and stays as it is.
  var given: FilePath { path.appending("given") }
  /// What the sandbox may write.
  var writable: FilePath { path.appending("writable") }
  /// The same, with no way out of it.
  var written: RootDirectory { RootDirectory(writable) }

}
