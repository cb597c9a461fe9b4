import Glibc
import SystemPackage

/// A program on its own terminal, driven as by a person: type, read, resize, hang up.
///
///     let terminal = try PseudoTerminal(["bash", "--norc", "-i"], environment: ["PS1": "> "])
///     try terminal.expect("> ")
///     try terminal.send("exit 3\n")
///     #expect(try terminal.waitForExit() == 3)
public final class PseudoTerminal {
  /// The leader of the session on the terminal.
  public let process: pid_t

  private var master: FileDescriptor?
  private var unread = ""
  private var transcript = ""
  private var waitStatus: Int32?

  /// The error if an expected text does not appear.
  public struct Timeout: Error, CustomStringConvertible {
    /// The expected text.
    public let awaited: String
    /// Everything the terminal has shown.
    public let transcript: String
    /// A few lines for the test log.
    public var description: String { "no \(awaited.debugDescription) in:\n\(transcript)" }
  }

  /// Starts a program as leader of a new session whose controlling terminal this is.
  public init(
    _ argv: [String], environment: [String: String] = plainEnvironment, rows: UInt16 = 24, columns: UInt16 = 80
  ) throws {
    let master = try FileDescriptor.open("/dev/ptmx", .readWrite, options: [.closeOnExec])
    do {
      process = try Self.spawn(argv, environment, terminal: Self.unlock(master))
    } catch {
      try? master.close()
      throw error
    }
    self.master = master
    resize(rows: rows, columns: columns)
  }

  deinit {
    guard waitStatus == nil else { return }
    kill(-process, SIGKILL)
    kill(process, SIGKILL)
    hangUp()
    _ = waitpid(process, nil, 0)
  }

  /// Types a text.
  public func send(_ text: String) throws {
    guard let master else { throw Errno.badFileDescriptor }
    try master.writeAll(text.utf8)
  }

  /// Reads until `text` appears, and returns the output up to it. The output after it is left for the next call.
  @discardableResult
  public func expect(_ text: String, timeout seconds: Int = 20) throws -> String {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while true {
      if let end = unread.firstRange(of: text) {
        let before = String(unread[..<end.lowerBound])
        unread = String(unread[end.upperBound...])
        return before
      }
      guard try read(until: deadline) else { throw Timeout(awaited: text, transcript: transcript) }
    }
  }

  /// Changes the size of the window.
  public func resize(rows: UInt16, columns: UInt16) {
    guard let master else { return }
    var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    _ = ioctl(master.rawValue, UInt(TIOCSWINSZ), &size)
  }

  /// Closes the terminal's other end, as if the window or the connection were gone.
  public func hangUp() {
    try? master?.close()
    master = nil
  }

  /// Waits for the session leader and returns its exit status, or 128 and the signal that ended it.
  @discardableResult
  public func waitForExit(timeout seconds: Int = 20) throws -> Int32 {
    let deadline = ContinuousClock.now + .seconds(seconds)
    var status: Int32 = 0
    while waitpid(process, &status, WNOHANG) == 0 {
      guard ContinuousClock.now < deadline else { throw Timeout(awaited: "exit", transcript: transcript) }
      // A program may wait for its output to be read before it exits.
      if master == nil || (try? read(until: ContinuousClock.now + .milliseconds(5))) != true { usleep(5000) }
    }
    waitStatus = status
    return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
  }

  /// Returns false at the deadline, or if no program has the terminal open any more.
  private func read(until deadline: ContinuousClock.Instant) throws -> Bool {
    guard let master else { throw Errno.badFileDescriptor }
    let left = (deadline - .now) / .milliseconds(1)
    var source = pollfd(fd: master.rawValue, events: Int16(POLLIN), revents: 0)
    guard left > 0, poll(&source, 1, Int32(left)) > 0 else { return false }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = bytes.withUnsafeMutableBytes { (try? master.read(into: $0)) ?? 0 }
    let text = String(decoding: bytes[..<count], as: UTF8.self)
    unread += text
    transcript += text
    return count > 0
  }

  /// The path of the other end, ready to be opened. The requests are those of ioctl_tty(4), TIOCSPTLCK and TIOCGPTN.
  private static func unlock(_ master: FileDescriptor) throws -> String {
    let lockRequest: UInt = 0x4004_5431
    let numberRequest: UInt = 0x8004_5430
    var locked: Int32 = 0
    var number: UInt32 = 0
    guard ioctl(master.rawValue, lockRequest, &locked) == 0, ioctl(master.rawValue, numberRequest, &number) == 0 else {
      throw Errno(rawValue: errno)
    }
    return "/dev/pts/\(number)"
  }

  private static func spawn(_ argv: [String], _ environment: [String: String], terminal: String) throws -> pid_t {
    guard let program = argv.first else { throw Errno.invalidArgument }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // A session leader without a terminal gets the first one it opens (tty_ioctl(4), TIOCSCTTY).
    posix_spawn_file_actions_addopen(&actions, 0, terminal, O_RDWR, 0)
    posix_spawn_file_actions_adddup2(&actions, 0, 1)
    posix_spawn_file_actions_adddup2(&actions, 0, 2)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    let newSession: Int32 = 0x80  // POSIX_SPAWN_SETSID, which <spawn.h> hides from Swift
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | newSession))

    var arguments: [UnsafeMutablePointer<CChar>?] = argv.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for string in arguments + variables { free(string) } }
    var pid: pid_t = 0
    let error = posix_spawnp(&pid, program, &actions, &attributes, &arguments, &variables)
    guard error == 0 else { throw Errno(rawValue: error) }
    return pid
  }
}
