import Btrfs
import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// The Debian that runs from a btrfs becomes a system of deployments, in place; and the ways back, and on.
///
/// All of it is made beside the running system, which stays as it is: until a few lines stand in a file of its boot
/// loader, the machine boots what it always did, and afterwards that is an entry of the new menu. Its data are taken
/// over by the first deployment that boots, when nobody writes to them.
public struct Adoption {
  /// Where the root of the system is mounted that this is done from.
  let root: FilePath
  /// What was typed, for the history and for those who have to wait.
  let command: String

  /// From the system whose root is mounted at `root`: `/` for the one that runs.
  public init(_ root: FilePath = "/", command: String) {
    self.root = root
    self.command = command
  }

  /// One command at a time works on it.
  func lock() throws -> Lock {
    let directory: FilePath = "/run/ast"
    guard mkdir(directory.string, 0o755) == 0 || errno == EEXIST else { throw Errno(rawValue: errno) }
    guard let lock = try Lock.take("adopt", in: directory, wait: .never) else {
      let holder = Lock.holder(of: "adopt", in: directory).map { " (`\($0.command)`, pid \($0.pid))" } ?? ""
      throw AstError(.busy, "another `ast adopt` is at work\(holder)", state: .unchanged)
    }
    try? lock.sign(LockHolder(pid: getpid(), command: command, started: Date()))
    return lock
  }

  /// A device of the file system the root is on.
  func device() throws -> FilePath {
    guard FileSystem.isBtrfs(root), let device = try FileSystem.devices(of: root).first else {
      throw AdoptableSystem.refusal("the root file system (\(root)) is no btrfs")
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
