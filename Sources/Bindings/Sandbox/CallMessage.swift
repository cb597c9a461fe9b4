import CSandbox
import Glibc
import SystemPackage

/// A message between a call, the attendant of an open transaction, and the first process of its sandbox.
public struct CallMessage {
  /// Its meaning.
  public enum Kind: Int32, Sendable {
    /// From a call: the next part of the arguments and the environment.
    case words = 1
    /// From a call: all of them are there. To the sandbox: they are in a file.
    case start
    /// To a call: the outer ends of the streams. From the sandbox: that of a terminal.
    case streams
    /// A signal for the program.
    case signal
    /// From a call: nobody reads an output any more.
    case noReader
    /// The program was stopped.
    case stopped
    /// The program has ended.
    case ended
    /// The program was not started.
    case failed
    /// The changes are to be kept.
    case close
    /// The changes are to be discarded.
    case abort
    /// The answer to these two, and to a call that is refused.
    case answer
    /// From a call, first: which store it means.
    case store
  }

  /// A message of this kind, with text for the receiver.
  public init(_ kind: Kind, text: [UInt8] = [], descriptors: [FileDescriptor] = []) {
    message = sandbox_call_message()
    message.kind = kind.rawValue
    (self.text, self.descriptors) = (text, descriptors)
  }

  private var message: sandbox_call_message
  /// The text that comes with it.
  public var text: [UInt8]
  /// The descriptors that come with it. Whoever has received them closes them.
  public var descriptors: [FileDescriptor]

  /// Its meaning; nil if it has none that is known.
  public var kind: Kind? { Kind(rawValue: message.kind) }
  /// A number that belongs to it: a signal, a status, an error, an output, or how many words are arguments.
  public var value: Int32 {
    get { message.value }
    set { message.value = newValue }
  }
  /// The number of the call, which the attendant gives.
  public var call: Int32 {
    get { message.call }
    set { message.call = newValue }
  }
  /// How many words there are.
  public var words: Int32 {
    get { message.words }
    set { message.words = newValue }
  }
  /// Whether the program gets a terminal.
  public var wantsTerminal: Bool { message.terminal != 0 }

  /// Sends it. Its descriptors stay open here.
  ///
  /// - Returns: whether it was sent; if not, the receiver is gone.
  @discardableResult
  public func send(to socket: FileDescriptor) -> Bool {
    var message = message
    return sandbox_call_send(
      socket.rawValue, &message, text, text.count, descriptors.map(\.rawValue), Int32(descriptors.count)) == 0
  }

  /// Waits for the next one; nil at the end, or if it cannot be one.
  public static func receive(from socket: FileDescriptor) -> CallMessage? {
    var received = CallMessage(.answer)
    var text = [UInt8](repeating: 0, count: Int(SANDBOX_CALL_PART))
    var descriptors = [Int32](repeating: -1, count: Int(SANDBOX_CALL_DESCRIPTORS))
    var count: Int32 = 0
    let length = text.withUnsafeMutableBytes {
      sandbox_call_receive(socket.rawValue, &received.message, $0.baseAddress, &descriptors, &count)
    }
    guard length >= 0 else { return nil }
    received.text = Array(text[..<length])
    received.descriptors = descriptors.prefix(Int(count)).map { FileDescriptor(rawValue: $0) }
    return received
  }
}

/// A call: a program in an open sandbox, with the streams of this process.
public enum Call {
  /// How a call ended.
  public enum End: Sendable {
    /// The program has ended.
    case ended(ProgramEnd)
    /// The program could not be started.
    case failed(SandboxError)
    /// The attendant has refused it, with this answer.
    case refused([UInt8])
    /// The terminal of this process is gone.
    case hungUp
    /// The attendant has ended.
    case lost
  }

  /// Runs a program with these streams and this terminal, through a socket to the attendant, and waits for its end.
  ///
  /// - Parameter environment: what is added to the environment of the sandbox.
  public static func run(_ command: [String], environment: [String], through socket: FileDescriptor) -> End {
    let words = (command + environment).map { Array($0.utf8) + [0] }.joined().map(\.self)
    var end = sandbox_call_end()
    words.withUnsafeBytes { bytes in
      sandbox_call(
        socket.rawValue, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, Int32(command.count),
        Int32(command.count + environment.count), &end)
    }
    switch CallMessage.Kind(rawValue: Int32(end.kind.rawValue)) {
    case .ended: return .ended(ProgramEnd(waitStatus: end.value))
    case .failed:
      let step = SandboxError.Step(sandbox_step(UInt32(end.step)))
      let program = step == .execute ? command.first.map { FilePath($0) } : nil
      return .failed(SandboxError(step: step, path: program, errno: Errno(rawValue: end.value)))
    case .answer:
      return .refused(withUnsafeBytes(of: end.text) { $0.prefix { $0 != 0 }.map(\.self) })
    case .signal: return .hungUp
    default: return .lost
    }
  }

  /// Whether the process at the other end of a socket is root's.
  public static func isFromRoot(_ socket: FileDescriptor) -> Bool { sandbox_peer(socket.rawValue) == 0 }
}

/// A program of the host that outlives this process.
public enum DetachedProgram {
  /// In the program, the descriptor that it got.
  public static let starter: FilePath = "/proc/self/fd/3"

  /// In the program, closes that descriptor.
  public static func forgetStarter() { close(3) }

  /// Starts it, in a session of its own without a terminal; it gets `starter` as descriptor 3, and no other.
  ///
  /// - Throws: `Errno`.
  public static func start(_ command: [String], telling starter: FileDescriptor) throws(Errno) {
    let strings = CStrings()
    defer { withExtendedLifetime(strings) {} }
    guard sandbox_detach(UnsafePointer(strings.list(command)), starter.rawValue) == 0 else {
      throw Errno(rawValue: errno)
    }
  }
}
