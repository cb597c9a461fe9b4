import CFiles
import FoundationEssentials
import Glibc
import SystemPackage

/// A process, told from a later one with the same number by the time at which it was started.
package struct ProcessIdentity: Equatable, Sendable {
  /// Its number.
  package let pid: Int32
  /// When it was started, in ticks of the clock since the machine was (proc_pid_stat(5), `starttime`).
  package let started: UInt64

  package init(pid: Int32, started: UInt64) {
    (self.pid, self.started) = (pid, started)
  }

  /// This process.
  package static var own: ProcessIdentity { ProcessIdentity(pid: getpid(), started: started(getpid()) ?? 0) }

  /// Whether it has not ended.
  package var isAlive: Bool {
    if let started = Self.started(pid) { return started == self.started }
    // A mount option of proc(5), hidepid, hides the processes of others.
    return access("/proc/\(pid)", F_OK) != 0 && kill(pid, 0) != 0 && errno == EPERM
  }

  /// Sends it a signal, and never another process that got its number meanwhile.
  ///
  /// - Returns: false if it has ended.
  package func send(_ signal: Int32) throws(Errno) -> Bool {
    let process = cfiles_open_process(pid)
    guard process != -ESRCH else { return false }
    guard process >= 0 else { throw Errno(rawValue: -process) }
    defer { close(process) }
    // The descriptor is of the process that has the number now, whatever becomes of the number from here on.
    guard isAlive else { return false }
    let result = cfiles_signal_process(process, signal)
    guard result == 0 || result == -ESRCH else { throw Errno(rawValue: -result) }
    return result == 0
  }

  /// When a process was started; nil if it has ended, or cannot be seen. One that only waits for its parent has ended.
  private static func started(_ pid: Int32) -> UInt64? {
    // The name before the last parenthesis can have any character in it.
    guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .isoLatin1),
      let name = text.lastIndex(of: ")")
    else { return nil }
    let fields = text[name...].split(separator: " ").dropFirst()
    guard let state = fields.first, !["Z", "X"].contains(state), fields.count > 19 else { return nil }
    return UInt64(fields[fields.startIndex + 19])
  }
}
