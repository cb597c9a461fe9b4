import FoundationEssentials
import Glibc
import SnapshotTree
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
  /// The transaction by which the history names it, as far as that is known.
  package var transaction: OperationID?

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
  ///
  /// Only root may open the file: a lock for reading, which whoever can read a file can hold, would keep it from all.
  ///
  /// - Parameters:
  ///   - mode: the permissions of the file, also if it exists; nil for a file of another program, which keeps its own.
  ///   - isInterruptible: whether a stop signal ends the waiting, with an error. What has to be finished goes on.
  ///   - telling: called once if the waiting takes a while, with the holder.
  package static func take(
    _ name: String, in directory: FilePath, wait: LockWait, mode: mode_t? = 0o600, isInterruptible: Bool = true,
    telling: (LockHolder?) -> Void = { _ in }
  ) throws -> Lock? {
    let path = directory.appending(name)
    var patience = Patience(wait)
    while true {
      let lock = try open(path, mode)
      while !request(setLock, on: lock.file) {
        switch errno {
        case EINTR: continue
        case EAGAIN, EACCES:
          guard patience.waits() else { return nil }
          if patience.isToTell { telling(holder(of: name, in: directory)) }
          if isInterruptible { try Interruption.check() }
        default: throw FileError("lock", path, Errno(rawValue: errno))
        }
      }
      lock.isHeld = true
      // A holder that deletes a node removes its lock file: the locked file must still be the one at the path.
      if lock.isAtItsPath { return lock }
    }
  }

  private static func open(_ path: FilePath, _ mode: mode_t?) throws -> Lock {
    try Files.attempt("make", path) {
      let file = try FileDescriptor.open(
        path, .readWrite, options: [.create, .closeOnExec], permissions: .ownerReadWrite)
      let lock = Lock(file: file, path: path)
      var status = stat()
      // An older ast made it readable by all.
      if let mode, fstat(file.rawValue, &status) == 0, status.st_mode & 0o777 != mode,
        fchmod(file.rawValue, mode) != 0
      {
        throw Errno(rawValue: errno)
      }
      return lock
    }
  }

  /// Whether the lock `name` is free. Root may ask.
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

/// The waiting for a lock: in short steps at first, because most locks are held for moments.
private struct Patience {
  private let deadline: ContinuousClock.Instant?
  private let start = ContinuousClock.now
  private var hasTold = false

  init(_ wait: LockWait) {
    deadline =
      switch wait {
      case .never: start
      case .seconds(let seconds): start + .seconds(seconds)
      case .forever: nil
      }
  }

  /// Waits for a moment; false if the time is over.
  func waits() -> Bool {
    let now = ContinuousClock.now
    if let deadline, now >= deadline { return false }
    // Uneven steps, so that all who wait get their turn.
    usleep(now - start < .seconds(1) ? UInt32.random(in: 300...2000) : UInt32.random(in: 10_000...20_000))
    return true
  }

  /// Whether it has taken so long that the user should know why: once.
  var isToTell: Bool {
    mutating get {
      guard !hasTold, ContinuousClock.now - start > .seconds(2) else { return false }
      hasTold = true
      return true
    }
  }
}
