import CSandbox
import Glibc
import SystemPackage

/// A sandbox that stays open: its programs are started one by one, by calls, and what they leave running lives until the
/// end. It ends with the thread that has opened it.
public final class OpenSandbox {
  /// The channel to its first process, at its end when that is gone.
  public let channel: FileDescriptor
  private var open: sandbox_open
  private let sandbox: Sandbox
  private let group: ControlGroup?
  private let placeholders: [Placeholder]

  /// Makes it, without a program.
  public init(_ sandbox: Sandbox) throws(SandboxError) {
    self.sandbox = sandbox
    group = try sandbox.controlGroup()
    var open = sandbox_open()
    var result = sandbox_result()
    defer { sandbox_result_free(&result) }
    do throws(SandboxError) {
      let status = try sandbox.withPlan(in: group, binding: &result) { plan, _, result in
        sandbox_open(&plan, &open, &result)
      }.status
      placeholders = Placeholder.all(of: result)
      guard status == 0 else {
        Placeholder.remove(placeholders, below: sandbox.root)
        throw SandboxError(result)
      }
    } catch {
      group?.remove()
      throw error
    }
    self.open = open
    channel = FileDescriptor(rawValue: open.channel)
  }

  /// The limits of the programs inside.
  public var limits: Sandbox.Limits { sandbox.limits }

  /// Ends everything inside, and removes the mount points that were made.
  ///
  /// - Returns: the limits that the programs have met.
  public func close() -> Set<Sandbox.Limit> {
    sandbox_close(&open)
    Placeholder.remove(placeholders, below: sandbox.root)
    defer { group?.remove() }
    return group?.reached ?? []
  }
}

/// The signals that end a process which waits for other things, too.
public enum StopSignals {
  /// Blocks them in this thread.
  ///
  /// - Returns: a descriptor that is readable when one has arrived.
  public static func watch() throws(Errno) -> FileDescriptor {
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM] { sigaddset(&signals, signal) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    let descriptor = signalfd(-1, &signals, CInt(SFD_CLOEXEC) | CInt(SFD_NONBLOCK))
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    return FileDescriptor(rawValue: descriptor)
  }
}
