import Glibc
import Synchronization
import SystemPackage

/// The control group of one run (cgroups(7), version 2), which ends with it. One that a killed process has left behind is
/// empty, because the run died with the process, and goes with the next one that is made.
struct ControlGroup: Sendable {
  private let path: FilePath
  /// Its directory.
  let directory: FileDescriptor
  /// Whether it limits the number of processes; otherwise the kernel cannot, here.
  let limitsTasks: Bool

  /// Makes one in another.
  init(of limits: Sandbox.Limits, in parent: FilePath) throws(SandboxError) {
    Self.removeLeftovers(in: parent)
    path = try Self.make(in: parent)
    do {
      limitsTasks = try Self.set("pids.max", of: path, to: limits.tasks.map(Int64.init))
      _ = try Self.set("memory.max", of: path, to: limits.memory)
      _ = try Self.set("memory.swap.max", of: path, to: limits.swap)
      directory = try FileDescriptor.open(path, .readOnly, options: [.directory, .closeOnExec])
    } catch {
      rmdir(path.string)
      throw SandboxError(step: .limit, path: path, errno: error as? Errno ?? .ioError)
    }
  }

  /// The limits that were met.
  var reached: Set<Sandbox.Limit> {
    var reached: Set<Sandbox.Limit> = []
    if count("max", in: "pids.events") > 0 { reached.insert(.tasks) }
    if count("oom_kill", in: "memory.events") > 0 { reached.insert(.memory) }
    return reached
  }

  /// Removes it, when its processes have ended.
  func remove() {
    try? directory.close()
    // The kernel takes a moment to see that the last one is gone.
    for _ in 0..<1000 {
      guard rmdir(path.string) != 0, errno == EBUSY else { return }
      usleep(1000)
    }
  }

  private static let number = Atomic(0)

  private static func make(in parent: FilePath) throws(SandboxError) -> FilePath {
    while true {
      let path = parent.appending("\(getpid())-\(number.add(1, ordering: .relaxed).newValue)")
      if mkdir(path.string, 0o755) == 0 { return path }
      guard errno == EEXIST else { throw SandboxError(step: .limit, path: path, errno: Errno(rawValue: errno)) }
    }
  }

  /// Sets a limit.
  ///
  /// - Returns: whether the kernel has one of this kind here.
  private static func set(_ name: String, of group: FilePath, to value: Int64?) throws -> Bool {
    do {
      let file = try FileDescriptor.open(group.appending(name), .writeOnly, options: .closeOnExec)
      try file.closeAfter { _ = try file.writeAll((value.map { "\($0)" } ?? "max").utf8) }
      return true
    } catch Errno.noSuchFileOrDirectory {
      return false
    }
  }

  /// A number in a file with a name and a number in each line; 0 if the kernel does not count that.
  private func count(_ name: String, in file: String) -> Int {
    var bytes = [UInt8](repeating: 0, count: 1024)
    guard let file = try? FileDescriptor.open(path.appending(file), .readOnly, options: .closeOnExec) else { return 0 }
    defer { try? file.close() }
    let length = bytes.withUnsafeMutableBytes { (try? file.read(into: $0)) ?? 0 }
    let lines = String(decoding: bytes[..<length], as: UTF8.self).split(separator: "\n")
    return lines.first { $0.hasPrefix("\(name) ") }.flatMap { Int($0.dropFirst(name.count + 1)) } ?? 0
  }

  /// Removes the groups of processes that are no more.
  private static func removeLeftovers(in parent: FilePath) {
    guard let directory = opendir(parent.string) else { return }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
      }
      let parts = name.split(separator: "-")
      guard parts.count == 2, let process = pid_t(parts[0]), process > 0, kill(process, 0) != 0, errno == ESRCH else {
        continue
      }
      rmdir(parent.appending(name).string)
    }
  }
}
