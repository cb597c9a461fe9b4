import Glibc
import Sandbox
import Synchronization
import SystemPackage
import TestSupport

/// A sandbox around its own Debian.
struct Fixture {
  /// On the tests' btrfs; contains `root` and what else a test puts there.
  let directory: FilePath
  var sandbox: Sandbox

  var root: FilePath { sandbox.root }

  init() throws {
    directory = try LoopBtrfs.shared.newDirectory()
    sandbox = Sandbox(root: try DebianRoot.snapshot(in: directory))
    sandbox.environment["LC_ALL"] = "C.UTF-8"
  }

  /// A run and what it printed.
  struct Outcome {
    let result: SandboxResult
    let stdout: String
    let stderr: String
    var status: Int32 { result.end.status }
  }

  func run(_ command: [String], input: String = "", until cancellation: Cancellation? = nil) throws -> Outcome {
    let streams = [try temporaryFile(), try temporaryFile(), try temporaryFile()]
    defer { for stream in streams { try? stream.close() } }
    try streams[0].writeAll(input.utf8)
    try streams[0].seek(offset: 0, from: .start)
    let result = try sandbox.run(
      command, on: .given(input: streams[0], output: streams[1], error: streams[2]), until: cancellation)
    return Outcome(result: result, stdout: try text(of: streams[1]), stderr: try text(of: streams[2]))
  }

  func shell(_ script: String, input: String = "") throws -> Outcome { try run(["sh", "-c", script], input: input) }

  func perl(_ script: String) throws -> Outcome { try run(["perl", "-e", script]) }

  /// Changes the root from outside, where the host follows links: for preparation only.
  func prepare(_ script: String) throws {
    try runSuccessfully(["sh", "-euc", script], in: root)
  }

  /// Every name in the root with type, mode, owner, size, link target and modification time.
  func listing() throws -> String {
    let lines = try runSuccessfully(["find", ".", "-xdev", "-printf", #"%p %y %m %U:%G %s %l %T@\n"#], in: root)
    return lines.split(separator: "\n").sorted().joined(separator: "\n")
  }

  /// The transaction that changed the root's subvolume last.
  func changeCount() throws -> String {
    try runSuccessfully(["sync", "-f", root.string])
    let text = try runSuccessfully(["btrfs", "subvolume", "show", root.string])
    return text.split(separator: "\n").first { $0.contains("Generation:") }.map(String.init) ?? ""
  }

  private func temporaryFile() throws -> FileDescriptor {
    let path = FilePath("/tmp/ast-sandbox-test-\(getpid())-\(Self.number())")
    let file = try FileDescriptor.open(
      path, .readWrite, options: [.create, .exclusiveCreate, .closeOnExec], permissions: .ownerReadWrite)
    unlink(path.string)
    return file
  }

  private func text(of file: FileDescriptor) throws -> String {
    try file.seek(offset: 0, from: .start)
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0) }
      if count == 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += buffer[..<count]
    }
  }

  private static let numbers = Atomic(0)
  static func number() -> Int { numbers.add(1, ordering: .relaxed).newValue }
}

/// A number of seconds to sleep that no other process on the machine sleeps: sandboxed processes are found by it from outside.
func uniqueDuration() -> String { "8\(getpid()).\(Fixture.number())" }

/// The processes of the machine, in whatever namespace, that have this argument.
func processes(withArgument argument: String) throws -> [String] {
  let pids = try runSuccessfully(["ls", "/proc"]).split(separator: "\n").map(String.init).filter { Int($0) != nil }
  return pids.filter { pid in
    guard let file = try? FileDescriptor.open("/proc/\(pid)/cmdline", .readOnly, options: [.closeOnExec]) else {
      return false
    }
    defer { try? file.close() }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = bytes.withUnsafeMutableBytes { (try? file.read(into: $0)) ?? 0 }
    return bytes[..<count].split(separator: 0).contains { Array($0) == Array(argument.utf8) }
  }
}

/// Waits until a condition holds, 20 seconds at most.
func eventually(_ condition: () throws -> Bool) throws -> Bool {
  for _ in 0..<400 {
    if try condition() { return true }
    usleep(50_000)
  }
  return false
}

/// A separate thread: the tasks of the tests share a few that block each other.
struct RunningThread {
  private let thread: pthread_t

  init(_ body: @escaping @Sendable () -> Void) throws {
    let box = Unmanaged.passRetained(Box(body))
    var thread = pthread_t()
    let error = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
        return nil
      }, box.toOpaque())
    guard error == 0 else { throw Errno(rawValue: error) }
    self.thread = thread
  }

  func wait() { pthread_join(thread, nil) }

  private final class Box {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
}
