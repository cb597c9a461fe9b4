import FoundationEssentials
import Glibc
import Host
import Sandbox
import SnapshotTree
import Store
import SystemPackage

/// `open`: a transaction that stays open for calls, until it is closed or aborted.
///
/// All of it is the work of an attendant, another process of ast: it holds the lock, the clone and the sandbox. Where
/// systemd runs, it is a unit, because a process of a login session or of a service ends with that.
extension Store {
  /// Opens a transaction on a node, and returns when its first call may come.
  ///
  /// - Parameters:
  ///   - options: the words for the attendant: the same as for this command, without the node.
  /// - Throws: `AstError`; nothing was changed then.
  public func open(_ node: NodeID, options: [String]) throws -> OperationID {
    _ = try self.node(node)
    try OpenTransaction.makeDirectory()
    // Another command may begin first, and get the number by which unit and socket are called.
    for _ in 0..<Self.attempts {
      let number = try tree.nextOperation
      let message = try startAttendant(of: number, options + ["\(node)"])
      message.warnings.forEach(warn)
      if message.isNumberTaken { continue }
      if let error = message.error { throw error }
      return number
    }
    throw AstError(.busy, "other commands are always quicker", state: .unchanged, hint: "try again in a moment")
  }

  private static var attempts: Int { 50 }

  /// Starts an attendant, and waits for what it says.
  private func startAttendant(of number: OperationID, _ words: [String]) throws -> AttendantMessage {
    let (end, start) = try makePipe()
    defer { try? end.close() }
    let program = try FileDescriptor.ownProgram()
    func command(reportingTo opener: FilePath) -> [String] {
      [program.string, "open", "--attend", "t\(number)", "--opener", opener.string] + words
    }
    do {
      defer { try? start.close() }
      if access("/run/systemd/system", F_OK) == 0 {
        startUnit(of: number, command(reportingTo: FilePath("/proc/\(getpid())/fd/\(start.rawValue)")))
      } else {
        try DetachedProgram.start(command(reportingTo: DetachedProgram.starter), telling: start)
      }
    } catch {
      throw AstError(.failed, "cannot start the attendant of t\(number): \(error)", state: .unchanged)
    }
    guard let message = AttendantMessage(end.readToEnd()) else {
      throw AstError(
        .failed, "the attendant of t\(number) has ended", state: .unchanged,
        hint: "`journalctl -u ast-open-t\(number)` may say why")
    }
    return message
  }

  /// systemd-run(1) returns when the attendant is ready, or has ended; the pipe says which.
  private func startUnit(of number: OperationID, _ command: [String]) {
    let properties = [
      "Type=notify", "KillMode=mixed", "TimeoutStartSec=infinity", "TimeoutStopSec=30", "OOMPolicy=continue",
      "LimitCORE=0", "UMask=0022",
      // The changes are discarded: that is no failure of the unit.
      "SuccessExitStatus=1 130 143",
    ]
    let host = ProcessInfo.processInfo.environment
    let variables = ["AST_CONFIG", "AST_OPEN_DIR"].filter { host[$0] != nil } + ["SUDO_UID=\(LoginUser.number)"]
    let options =
      [
        "--quiet", "--no-ask-password", "--collect", "--unit=ast-open-t\(number)", "--slice=system.slice",
        "--description=Open transaction t\(number) of ast",
      ] + properties.map { "--property=\($0)" } + variables.map { "--setenv=\($0)" }
    // An attendant that could not open has said so, and systemd says that the unit failed.
    try? ChildProcess("systemd-run", options + ["--"] + command).run()
  }
}

extension FileDescriptor {
  /// The path of the program that runs.
  fileprivate static func ownProgram() throws -> FilePath {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    guard readlink("/proc/self/exe", &buffer, buffer.count - 1) > 0 else {
      throw AstError(.failed, "cannot find the program ast: is /proc mounted?", state: .unchanged)
    }
    return FilePath(platformString: buffer)
  }

  /// All that comes out of a pipe.
  fileprivate func readToEnd() -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    while let count = try? buffer.withUnsafeMutableBytes({ try read(into: $0) }), count > 0 {
      bytes += buffer[..<count]
    }
    return bytes
  }
}
