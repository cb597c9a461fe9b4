import FoundationEssentials
import Glibc
import Host
import Sandbox
import SnapshotTree
import Store
import SystemPackage

/// The process that holds an open transaction: it takes calls, gives each its streams, and has nothing else to do with
/// them. What a call has left running goes on writing after its end; the attendant reads that, and forgets it.
final class Attendant {
  /// Why the attendance ends.
  enum End {
    /// A command wants the changes to be kept, and waits for the answer.
    case close(FileDescriptor)
    /// A command wants them to be discarded, and waits for the answer.
    case abort(FileDescriptor)
    /// No call has come for too long.
    case idle
    /// The machine is shut down, or somebody ends the attendant.
    case signal
    /// The first process of the sandbox is gone.
    case died
    /// Nobody knows that the transaction is open.
    case unknown
  }

  private struct CallState {
    /// The connection to the call; nil when the call is gone.
    var socket: FileDescriptor?
    /// Whether it means the store of the transaction.
    var isOurs = false
    var words: [UInt8] = []
    /// The ends at which the program's output comes out.
    var outputs: [FileDescriptor?] = []
    var hasTerminal = false
    var hasStarted = false
    var hasEnded = false
  }

  private let transaction: OpenTransaction
  /// Which store it is in; nil if nobody can tell, and then no command means it.
  private let store: String?
  private let listener: FileDescriptor
  private let channel: FileDescriptor
  private let signals: FileDescriptor
  /// The environment of a program whose call has none of its own.
  private let environment: [String: String]
  private let patience: Duration
  private var calls: [Int32: CallState] = [:]
  private var nextCall: Int32 = 1
  private var lastCall = ContinuousClock.now
  private var end: End?

  init(
    of transaction: OpenTransaction, in store: FilePath, listener: FileDescriptor, sandbox: OpenSandbox,
    environment: [String: String], patience: Duration
  ) throws {
    (self.transaction, self.listener, self.patience) = (transaction, listener, patience)
    self.store = Store.identity(of: store)
    channel = sandbox.channel
    signals = try StopSignals.watch()
    self.environment = environment.filter { !Store.passedOn.contains($0.key) && $0.key != "TERM" }
  }

  /// Takes calls until the end.
  func attend() -> End {
    while true {
      if let end { return end }
      let connected = calls.filter { $0.value.socket != nil }
      let idle = ContinuousClock.now - lastCall
      if connected.isEmpty, idle >= patience { return .idle }
      wait(connected.isEmpty ? patience - idle : nil)
    }
  }

  /// How many calls there are at once, and how many programs' outputs are read that calls have left.
  private static let most = 64
  private static let mostLeft = 200
  private static let mostBytes = 4 << 20

  private func wait(_ limit: Duration?) {
    var polled = [listener, channel, signals].map { pollfd(fd: $0.rawValue, events: Int16(POLLIN), revents: 0) }
    var sources: [(call: Int32, output: Int?)] = []
    for (number, call) in calls {
      if let socket = call.socket {
        polled.append(pollfd(fd: socket.rawValue, events: Int16(POLLIN), revents: 0))
        sources.append((number, nil))
        continue
      }
      for (index, output) in call.outputs.enumerated() {
        guard let output else { continue }
        polled.append(pollfd(fd: output.rawValue, events: Int16(POLLIN), revents: 0))
        sources.append((number, index))
      }
    }
    let milliseconds = limit.map { Int32(clamping: Int($0 / .milliseconds(1)) + 1) } ?? -1
    guard poll(&polled, nfds_t(polled.count), milliseconds) > 0 else { return }
    if polled[2].revents != 0 { end = .signal }
    if polled[1].revents != 0 { hearSandbox() }
    for (source, polled) in zip(sources, polled.dropFirst(3)) where polled.revents != 0 && end == nil {
      if let output = source.output { swallow(source.call, output) } else { hear(source.call) }
    }
    if polled[0].revents != 0, end == nil { accept() }
  }

  private func accept() {
    let accepted = Glibc.accept(listener.rawValue, nil, nil)
    guard accepted >= 0 else { return }
    let socket = FileDescriptor(rawValue: accepted)
    _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
    guard Call.isFromRoot(socket) else {
      try? socket.close()
      return
    }
    calls[nextCall] = CallState(socket: socket)
    nextCall += 1
  }

  /// Takes a message of a call, or notices its end.
  private func hear(_ number: Int32) {
    guard var call = calls[number], let socket = call.socket else { return }
    guard let message = CallMessage.receive(from: socket) else {
      leave(number)
      return
    }
    // Nothing that a caller has open comes in.
    for descriptor in message.descriptors { try? descriptor.close() }
    switch message.kind {
    case _ where call.hasEnded && !call.hasStarted: break  // refused, and answered
    // Another store has a transaction of this number, too.
    case .store where String(decoding: message.text, as: UTF8.self) == store: calls[number]?.isOurs = true
    case _ where !call.isOurs:
      refuse(number, AstError(.notFound, "t\(transaction.id) is open in another store", state: .unchanged))
    case .words:
      call.words += message.text
      calls[number] = call
      if call.words.count > Self.mostBytes { refuse(number, AstError(.failed, "the arguments are too long")) }
    case .start where !call.hasStarted: start(number, message)
    case .signal where call.hasStarted:
      var order = message
      order.call = number
      order.text = []
      order.descriptors = []
      order.send(to: channel)
    case .noReader:
      let output = Int(message.value)
      guard call.outputs.indices.contains(output), !call.hasTerminal else { return }
      try? call.outputs[output]?.close()
      calls[number]?.outputs[output] = nil
    case .close:
      followFailPoints(String(decoding: message.text, as: UTF8.self))
      let isBusy = calls.contains { $0.key != number && $0.value.socket != nil && $0.value.hasStarted }
      if isBusy {
        refuse(
          number,
          AstError(
            .busy, "a call runs in t\(transaction.id)", state: .unchanged,
            hint: "wait for its end; `ast abort t\(transaction.id)` ends it and discards the changes"))
      } else {
        end = .close(socket)
      }
    case .abort:
      followFailPoints(String(decoding: message.text, as: UTF8.self))
      end = .abort(socket)
    default: leave(number)
    }
  }

  private func refuse(_ number: Int32, _ error: AstError) {
    if let socket = calls[number]?.socket { CallMessage(.answer, text: AttendantMessage(error).bytes).send(to: socket) }
    calls[number]?.hasEnded = true
    calls[number]?.words = []
  }

  /// The call is gone: its program hears that, unless it has ended before.
  private func leave(_ number: Int32) {
    guard let call = calls[number] else { return }
    try? call.socket?.close()
    calls[number]?.socket = nil
    if call.hasStarted {
      lastCall = .now
      utimensat(AT_FDCWD, transaction.socket.string, nil, 0)
    }
    guard call.hasStarted, !call.hasEnded else {
      forgetIfDone(number)
      return
    }
    for signal in [SIGHUP, SIGCONT] {
      var order = CallMessage(.signal)
      (order.call, order.value) = (number, signal)
      order.send(to: channel)
    }
    // With its other end, a terminal is hung up.
    guard call.hasTerminal else { return }
    for output in call.outputs { try? output?.close() }
    calls[number] = nil
  }

  private func forgetIfDone(_ number: Int32) {
    guard let call = calls[number], call.socket == nil, call.outputs.allSatisfy({ $0 == nil }) else { return }
    calls[number] = nil
  }

  /// Gives a call its streams, and has its program started.
  private func start(_ number: Int32, _ message: CallMessage) {
    guard let call = calls[number], let socket = call.socket else { return }
    let running = calls.values.count { $0.socket != nil && $0.hasStarted }
    guard running < Self.most, calls.count < Self.mostLeft else {
      refuse(
        number,
        AstError(
          .busy, "\(running) calls run in t\(transaction.id), and there may be \(Self.most)", state: .unchanged))
      return
    }
    calls[number]?.words = []
    do {
      var order = message
      order.call = number
      let file = try words(of: call.words, &order)
      defer { try? file.close() }
      if message.wantsTerminal {
        order.descriptors = [file]
        calls[number]?.hasTerminal = true
        guard order.send(to: channel) else { throw Errno.brokenPipe }
      } else {
        let (input, output, error) = (try makePipe(), try makePipe(), try makePipe())
        let inner = [input.end, output.start, error.start]
        defer { for descriptor in inner + [input.start] { try? descriptor.close() } }
        calls[number]?.outputs = [output.end, error.end]
        order.descriptors = [file] + inner
        CallMessage(.streams, descriptors: [input.start, output.end, error.end]).send(to: socket)
        guard order.send(to: channel) else { throw Errno.brokenPipe }
      }
      calls[number]?.hasStarted = true
      lastCall = .now
      utimensat(AT_FDCWD, transaction.socket.string, nil, 0)
    } catch {
      refuse(number, AstError(.failed, "the call cannot be made: \(AstError(error).reason)", state: .unchanged))
    }
  }

  /// Writes the words of a call, with the environment that it does not bring itself, into a file for the sandbox.
  private func words(of bytes: [UInt8], _ order: inout CallMessage) throws -> FileDescriptor {
    var words = bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast()
    guard words.count == Int(order.words), order.value >= 1, order.value <= order.words else {
      throw Errno.invalidArgument
    }
    let names = Set(words.dropFirst(Int(order.value)).map { $0.prefix { $0 != UInt8(ascii: "=") } })
    for (name, value) in environment.sorted(by: { $0.key < $1.key }) where !names.contains(Array(name.utf8)[...]) {
      words.append(Array("\(name)=\(value)".utf8)[...])
    }
    order.words = Int32(words.count)
    let file = try Files.openInMemory()
    _ = try file.writeAll(words.map { Array($0) + [0] }.joined())
    return file
  }

  /// Takes a message of the sandbox to its call.
  private func hearSandbox() {
    guard var message = CallMessage.receive(from: channel) else {
      end = .died
      return
    }
    defer { for descriptor in message.descriptors where message.kind != .streams { try? descriptor.close() } }
    guard calls[message.call] != nil, let socket = calls[message.call]?.socket else {
      for descriptor in message.descriptors where message.kind == .streams { try? descriptor.close() }
      return
    }
    let number = message.call
    message.text = []
    if message.kind == .streams { calls[number]?.outputs = message.descriptors.map { $0 } }
    if message.kind == .ended || message.kind == .failed { calls[number]?.hasEnded = true }
    message.send(to: socket)
  }

  /// Reads what a program has written that its call has left running.
  private func swallow(_ number: Int32, _ output: Int) {
    guard let descriptor = calls[number]?.outputs[output] else { return }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    if let count = try? buffer.withUnsafeMutableBytes({ try descriptor.read(into: $0) }), count > 0 { return }
    try? descriptor.close()
    calls[number]?.outputs[output] = nil
    forgetIfDone(number)
  }
}
