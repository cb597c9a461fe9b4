import Btrfs
import FoundationEssentials
import Glibc
import Host
import Sandbox
import Store
import SystemPackage

/// The private directory of a command that works with apt: copies of the indices, apt's caches, and the output of apt's
/// hook. Nothing in it has to be kept.
///
/// Files are copied in and out as reflinks, so commands do not wait for each other, and a package's script cannot reach
/// another node through them. A program in a node can replace anything in `writable` by a link to any place: once one
/// has run, ast reads and writes there through `written` only.
final class AptWorkspace {
  /// Its path.
  let path: FilePath
  private let lock: Lock

  /// Makes a workspace in `directory`, and removes those that killed commands left there.
  init(in directory: FilePath) throws {
    // Only one command at a time makes or removes workspaces: one that is not locked is not in use.
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

  /// Removes indices and tables that were copied into it. No program may have run in it yet.
  func empty() throws {
    for name in ["lists", "cache"] {
      for file in try written.entries(of: FilePath(name)) where !file.isDirectory {
        try Files.removeFile(writable.appending(name).appending(file.name))
      }
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: path.string) }

  /// The part that the sandbox can only read.
  var given: FilePath { path.appending("given") }
  /// The part that the sandbox may write.
  var writable: FilePath { path.appending("writable") }
  /// The same part, opened without following links out of it.
  var written: RootDirectory { RootDirectory(writable) }
}
