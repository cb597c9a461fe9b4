import Btrfs
import FoundationEssentials
import Glibc
import Host
import Store
import SystemPackage

/// Turns the Debian that runs from a btrfs into a system of deployments, in place; and the ways back, and on.
///
/// Everything is made beside the running system, which stays as it is. The machine boots that system until a few lines
/// are in a file of its boot loader; afterwards it is an entry of the new menu. The first deployment that boots takes over
/// its data, before any program writes to them.
public struct Adoption {
  /// The mount point of the root of the system that runs the command.
  let root: FilePath
  /// The command line, for the history and for commands that have to wait.
  let command: String
  /// Reads the settings, as for any store.
  let reader: SettingsReader

  /// An adoption by the system whose root is mounted at `root`: `/` for the running one.
  public init(_ root: FilePath = "/", command: String, reader: SettingsReader) {
    self.root = root
    self.command = command
    self.reader = reader
  }

  /// Takes the lock that lets only one command at a time adopt the file system of the root, or end its adoption.
  func lock() throws -> Lock {
    let directory: FilePath = "/run/ast"
    try Files.ensureDirectory(directory)
    let name = try "adopt-\(fileSystemName())"
    guard let lock = try Lock.take(name, in: directory, wait: .never) else {
      let holder = Lock.holder(of: name, in: directory)
      let words = holder.map { " (`\($0.command)`, pid \($0.pid))" } ?? ""
      throw AstError(.busy, "another `ast adopt` is at work\(words)", state: .unchanged).naming(holder)
    }
    try? lock.sign(LockHolder(pid: getpid(), command: command, started: Date()))
    return lock
  }

  /// A name for the root's file system that no other has.
  private func fileSystemName() throws -> String {
    if try FileSystem.isBtrfs(root) { return try FileSystem.uuid(of: root).uuidString.lowercased() }
    var status = stat()
    guard lstat(root.string, &status) == 0 else {
      throw AdoptableSystem.refusal("\(root) cannot be examined: \(Errno(rawValue: errno))")
    }
    return "\(status.st_dev)"
  }

  /// A device of the root's file system.
  func device() throws -> FilePath {
    guard try FileSystem.isBtrfs(root), let device = try FileSystem.devices(of: root).first else {
      throw AdoptableSystem.refusal("the root file system (\(root)) is not a btrfs")
    }
    return device
  }
}

extension TemporaryMount {
  /// Mounts the top level of a system's file system.
  init(of system: AdoptableSystem) throws {
    guard let device = system.devices.first else {
      throw AstError(.failed, "the file system of \(system.root) has no device", state: .unchanged)
    }
    try self.init(of: device)
  }
}
