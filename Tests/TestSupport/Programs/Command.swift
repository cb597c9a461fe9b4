import Glibc
import Synchronization
import SystemPackage

/// The result of a finished command: exactly one of `status` and `signal` is set.
public struct CommandResult: Sendable, Equatable {
  /// The exit status; nil if a signal ended the command.
  public let status: Int32?
  /// The signal that ended the command.
  public let signal: Int32?
  /// All of standard output; bytes that are not UTF-8 become U+FFFD.
  public let stdout: String
  /// All of standard error, read in the same manner.
  public let stderr: String
}

/// The error of a command that had to succeed.
public struct CommandFailure: Error, CustomStringConvertible {
  /// The program and its arguments.
  public let argv: [String]
  /// How it ended.
  public let result: CommandResult

  /// One line for the test log.
  public var description: String {
    let end = result.status.map { "exit status \($0)" } ?? "signal \(result.signal ?? 0)"
    return "\(argv.joined(separator: " ")): \(end): \(result.stderr)"
  }
}

/// The default environment of commands, with nothing from the caller's, and the settings of ast in tests.
public let plainEnvironment = [
  "HOME": "/root", "LC_ALL": "C.UTF-8", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  "AST_CONFIG": Checkout.directory.appending("Tests/ast.toml").string,
]

/// Runs a program to its end, without a shell. It is searched for in the `PATH` of this process.
///
/// Input and output go through unlinked files, not pipes, so nothing can block, whatever the sizes, and a daemon that
/// the command leaves behind cannot delay the test.
///
/// Throws `Errno` if the program cannot be started (with a `directory`, env(1) reports that as exit status 125 to 127).
public func run(
  _ argv: [String], environment: [String: String] = plainEnvironment, input: String = "",
  in directory: FilePath? = nil
) throws -> CommandResult {
  let place = directory.map { ["env", "--chdir=\($0)"] } ?? []
  return try run(bytes: (place + argv).map { Array($0.utf8) }, environment: environment, input: input)
}

/// Runs a program as ``run(_:environment:input:in:)`` does, with arguments that need not be UTF-8 (without the NUL at the end).
public func run(
  bytes argv: [[UInt8]], environment: [String: String] = plainEnvironment, input: String = ""
) throws -> CommandResult {
  let streams = [try unlinkedFile(), try unlinkedFile(), try unlinkedFile()]
  defer { for stream in streams { try? stream.close() } }
  try streams[0].writeAll(input.utf8)
  try streams[0].seek(offset: 0, from: .start)

  return try result(of: try spawn(argv, environment, streams), streams)
}

/// Waits for the end of a program that was started with these files.
func result(of pid: pid_t, _ streams: [FileDescriptor]) throws -> CommandResult {
  let status = try waitForEnd(of: pid)
  let signal = status & 0x7f
  return CommandResult(
    status: signal == 0 ? (status >> 8) & 0xff : nil, signal: signal == 0 ? nil : signal,
    stdout: try wholeText(of: streams[1]), stderr: try wholeText(of: streams[2]))
}

/// Runs a program as ``run(_:environment:input:in:)`` does and throws ``CommandFailure`` unless it exits with 0.
@discardableResult
public func runSuccessfully(
  _ argv: [String], environment: [String: String] = plainEnvironment, input: String = "",
  in directory: FilePath? = nil
) throws -> String {
  let result = try run(argv, environment: environment, input: input, in: directory)
  guard result.status == 0 else { throw CommandFailure(argv: argv, result: result) }
  return result.stdout
}

func spawn(
  _ argv: [[UInt8]], _ environment: [String: String], _ streams: [FileDescriptor]
) throws -> pid_t {
  guard let name = argv.first, let program = terminated(name) else { throw Errno.invalidArgument }
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  for (number, stream) in streams.enumerated() {
    posix_spawn_file_actions_adddup2(&actions, stream.rawValue, Int32(number))
  }

  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  var signals = sigset_t()
  sigemptyset(&signals)
  posix_spawnattr_setsigmask(&attributes, &signals)
  sigfillset(&signals)
  posix_spawnattr_setsigdefault(&attributes, &signals)
  posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

  var arguments: [UnsafeMutablePointer<CChar>?] = argv.map(terminated) + [nil]
  var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
  defer { for string in arguments + variables + [program] { free(string) } }
  var pid: pid_t = 0
  let error = posix_spawnp(&pid, program, &actions, &attributes, &arguments, &variables)
  guard error == 0 else { throw Errno(rawValue: error) }
  return pid
}

private func terminated(_ bytes: [UInt8]) -> UnsafeMutablePointer<CChar>? {
  (bytes + [0]).withUnsafeBytes { $0.bindMemory(to: CChar.self).baseAddress.flatMap { strdup($0) } }
}

private func waitForEnd(of pid: pid_t) throws -> Int32 {
  var status: Int32 = 0
  while waitpid(pid, &status, 0) < 0 {
    let error = Errno(rawValue: errno)
    guard error == .interrupted else { throw error }
  }
  return status
}

func unlinkedFile() throws -> FileDescriptor {
  let number = unlinkedFiles.add(1, ordering: .relaxed).newValue
  let path = FilePath("/tmp/ast-test-stream-\(getpid())-\(number)")
  unlink(path.string)
  let file = try FileDescriptor.open(
    path, .readWrite, options: [.create, .exclusiveCreate, .closeOnExec], permissions: .ownerReadWrite)
  unlink(path.string)
  return file
}

private let unlinkedFiles = Atomic(0)

func wholeText(of file: FileDescriptor) throws -> String {
  var bytes = [UInt8](repeating: 0, count: Int(try file.seek(offset: 0, from: .end)))
  let count = try bytes.withUnsafeMutableBytes { buffer in
    var count = 0
    while count < buffer.count {
      let read = try file.read(
        fromAbsoluteOffset: Int64(count), into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
      if read == 0 { break }
      count += read
    }
    return count
  }
  return String(decoding: bytes[..<count], as: UTF8.self)
}

extension String {
  /// The text without the name of the transaction that holds a node, which depends on how far its command is.
  package var withoutTransactionOfHolder: String { replacing(/busy: t\d+, `/, with: "busy: `") }
}
