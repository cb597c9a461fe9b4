import FoundationEssentials
import Glibc
import SystemPackage

/// The time a command waits for a lock that another command holds.
public enum LockWait: Sendable, Equatable {
  /// Do not wait: a lock that is held is an error.
  case never
  /// Wait up to this many seconds.
  case seconds(Double)
  /// Wait until it is free.
  case forever
}

/// The holder of a lock, which a refused command names.
package struct LockHolder: Codable, Equatable {
  package let pid: Int32
  package let command: String
  package let started: Date

  package init(pid: Int32, command: String, started: Date) {
    (self.pid, self.command, self.started) = (pid, command, started)
  }
}

/// A kernel lock on a file under `ast/lock` (an open file description lock, fcntl(2)), held until it is released or the
/// process ends.
///
/// A dead process does not hold locks, so there are no stale ones. The file's content names the holder; it is for
/// messages only and never trusted.
package final class Lock {
  private let file: FileDescriptor
  private let path: FilePath
  private var isHeld = false

  private init(file: FileDescriptor, path: FilePath) {
    self.file = file
    self.path = path
  }

  /// Removes the holder's name first, so that the next holder is not mistaken for this one.
  deinit {
    if isHeld { try? file.resize(to: 0) }
    try? file.close()
  }

  /// Takes the lock `name` in `directory`; nil if another process holds it for longer than `wait`.
  package static func take(_ name: String, in directory: FilePath, wait: LockWait) throws -> Lock? {
    let path = directory.appending(name)
    let deadline = ContinuousClock.now + wait.limit
    while true {
      let file = try Files.attempt("make", path) {
        try FileDescriptor.open(
          path, .readWrite, options: [.create, .closeOnExec], permissions: [.ownerReadWrite, .groupRead, .otherRead])
      }
      let lock = Lock(file: file, path: path)
      while !request(wait == .forever ? setLockWaiting : setLock, on: file) {
        switch errno {
        case EINTR: continue
        case EAGAIN, EACCES:
          guard ContinuousClock.now < deadline else { return nil }
          try Interruption.check()
          usleep(20_000)
        default: throw FileError("lock", path, Errno(rawValue: errno))
        }
      }
      lock.isHeld = true
      // A holder that deletes a node removes its lock file: the locked file must still be the one at the path.
      if lock.isAtItsPath { return lock }
    }
  }

  /// Takes the lock `name` in `directory` as soon as it is free, unless a stop signal comes first.
  package static func wait(for name: String, in directory: FilePath) throws -> Lock {
    while true {
      if let lock = try take(name, in: directory, wait: .seconds(0.2)) { return lock }
      try Interruption.check()
    }
  }

  /// Whether the lock `name` is free. Every user may ask.
  package static func isFree(_ name: String, in directory: FilePath) throws -> Bool {
    let path = directory.appending(name)
    let file: FileDescriptor
    do {
      file = try Files.attempt("open", path) { try FileDescriptor.open(path, .readOnly, options: [.closeOnExec]) }
    } catch let error as FileError where error.errno == .noSuchFileOrDirectory {
      return true
    }
    return try file.closeAfter {
      var wanted = exclusive
      guard fcntl(file.rawValue, getLock, &wanted) == 0 else {
        throw FileError("examine the lock", path, Errno(rawValue: errno))
      }
      return wanted.l_type == F_UNLCK
    }
  }

  /// Writes the holder of the lock into the file.
  package func sign(_ holder: LockHolder) throws {
    let text = try JSONEncoder().encode(holder)
    try file.resize(to: 0)
    _ = try file.writeAll(toAbsoluteOffset: 0, text)
  }

  /// The holder of the lock `name`, as it wrote itself down; nil if it has not written yet. A killed holder leaves its
  /// name, which the next one overwrites.
  package static func holder(of name: String, in directory: FilePath) -> LockHolder? {
    guard let text = try? Data(contentsOf: URL(filePath: directory.appending(name).string)),
      let holder = try? JSONDecoder().decode(LockHolder.self, from: text), kill(holder.pid, 0) == 0 || errno == EPERM
    else { return nil }
    return holder
  }

  /// Removes the file of a lock that is held, when the object that it protects is gone for ever.
  package func removeFile() {
    unlink(path.string)
  }

  private var isAtItsPath: Bool {
    var held = stat()
    var named = stat()
    return fstat(file.rawValue, &held) == 0 && stat(path.string, &named) == 0 && held.st_ino == named.st_ino
  }
}

// <fcntl.h> has these for _GNU_SOURCE only, which Swift's Glibc module does not define.
private let getLock: Int32 = 36
private let setLock: Int32 = 37
private let setLockWaiting: Int32 = 38

private var exclusive: flock {
  var lock = flock()
  lock.l_type = Int16(F_WRLCK)
  lock.l_whence = Int16(SEEK_SET)
  return lock
}

private func request(_ command: Int32, on file: FileDescriptor) -> Bool {
  var lock = exclusive
  return fcntl(file.rawValue, command, &lock) == 0
}

extension LockWait {
  fileprivate var limit: Duration {
    switch self {
    case .never, .forever: .zero
    case .seconds(let seconds): .seconds(seconds)
    }
  }
}
