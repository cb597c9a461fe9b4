import SystemPackage

/// How a program ended.
public enum ProgramEnd: Sendable, Hashable {
  /// By itself, with this exit status.
  case exited(Int32)
  /// By this signal.
  case signaled(Int32)

  /// The exit status a shell would show: the program's own, or 128 and the number of the signal.
  public var status: Int32 {
    switch self {
    case .exited(let status): status
    case .signaled(let signal): 128 + signal
    }
  }

  /// Decodes the status from wait(2).
  init(waitStatus: Int32) {
    let signal = waitStatus & 0x7f
    self = signal == 0 ? .exited(waitStatus >> 8 & 0xff) : .signaled(signal)
  }
}

/// The result of a run whose program was started.
public struct SandboxResult: Sendable, Hashable {
  /// How the program ended.
  public var end: ProgramEnd
  /// The signal that interrupted the run, however the program reacted: a shell may exit with 0 when its terminal hangs
  /// up. The work must be discarded. A hang-up without a signal counts as SIGHUP, a ``Cancellation`` as SIGTERM. If it
  /// came before the start, the program was not started and `end` is that signal.
  public var interruption: Int32?
  /// The limits that it has met.
  public var reachedLimits: Set<Sandbox.Limit>
  /// Binds that were left out because their place inside could not be made.
  public var skippedBinds: [SkippedBind]
  /// Missing mount points that had to be made in the root. They were removed again, but the file system counts that as
  /// a change.
  public var placeholders: [FilePath]

  /// A bind that was left out.
  public struct SkippedBind: Sendable, Hashable {
    /// The place inside.
    public var target: FilePath
    /// The reason why it could not be made.
    public var reason: Errno

    /// A bind that was left out, and the reason.
    public init(target: FilePath, reason: Errno) {
      self.target = target
      self.reason = reason
    }
  }
}
