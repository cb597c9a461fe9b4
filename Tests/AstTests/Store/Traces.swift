import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport

/// Everything that a run in a node could leave behind. If it left nothing, the traces before and after are equal.
struct Traces: Equatable {
  /// Everything mounted on or from the file system of the tests, in the mount namespace of the host.
  var mounts: [String]
  /// The processes that have a clone of the node as their root.
  var processes: [String]
  /// The names of the clones of transactions.
  var staged: [String]
  /// The operations that are running according to the database.
  var running: Int
}

extension DebianNode {
  /// The traces at this moment.
  func traces() throws -> Traces {
    struct Status: Decodable {
      struct Entry: Decodable { let node: Int? }
      let running: [Entry]
    }
    let disk = "\(try LoopBtrfs.shared.root)"
    let mounts = try lines(of: "/proc/self/mountinfo").filter { $0.contains(disk) }
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.string)
    return Traces(
      mounts: mounts, processes: try store.processes(in: id), staged: names.filter { $0.hasPrefix(".") },
      running: try store.report(Status.self, "status").running.count { $0.node == id })
  }

  /// Waits until a program of this name runs in the node.
  func awaitProcess(named name: String) throws { try store.awaitProcess(named: name, in: id) }

  /// The directory of the node's generations and clones.
  private var directory: FilePath { store.root.appending("nodes/\(id)") }
}

extension TestStore {
  /// The ids and names of the processes that have a clone of a node as their root.
  func processes(in node: Int) throws -> [String] {
    let directory = root.appending("nodes/\(node)")
    let around = try lines(of: "/proc/self/mountinfo").map(Mount.init).filter {
      directory.string.hasPrefix("\($0.place)/")
    }
    guard let own = around.max(by: { $0.place.count < $1.place.count }),
      var within = directory.string.removingPrefix(own.place)
    else { throw Errno.noSuchFileOrDirectory }
    within += "/"
    return try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { Int($0) != nil }.sorted().compactMap {
      // A process that has ended, or is a zombie, has none.
      let mounts = (try? lines(of: "/proc/\($0)/mountinfo")) ?? []
      guard let root = mounts.lazy.map(Mount.init).last(where: { $0.place == "/" }) else { return nil }
      guard root.device == own.device, root.subtree.hasPrefix(within) else { return nil }
      return "\($0) \((try? lines(of: "/proc/\($0)/comm").first) ?? "")"
    }
  }

  /// Waits until a program of this name runs in a node.
  ///
  /// - Returns: its process.
  @discardableResult
  func awaitProcess(named name: String, in node: Int) throws -> pid_t {
    var found: pid_t?
    try eventually("a process \(name) in node \(node)") {
      found = try processes(in: node).first { $0.hasSuffix(" \(name)") }.flatMap {
        $0.split(separator: " ").first.flatMap { pid_t($0) }
      }
      return found != nil
    }
    return found ?? 0
  }
}

/// The error if a condition does not become true in two minutes.
struct NeverHappened: Error { let what: String }

/// Waits until `condition` holds.
func eventually(_ what: String, _ condition: () throws -> Bool) throws {
  let deadline = ContinuousClock.now + .seconds(120)
  while try !condition() {
    guard ContinuousClock.now < deadline else { throw NeverHappened(what: what) }
    usleep(10_000)
  }
}

/// A line of /proc/PID/mountinfo (proc_pid_mountinfo(5)).
private struct Mount {
  let device: String
  let subtree: String
  let place: String

  init(_ line: String) {
    let fields = line.split(separator: " ").map(String.init)
    (device, subtree, place) = fields.count > 4 ? (fields[2], fields[3], fields[4]) : ("", "", "")
  }
}

private func lines(of file: String) throws -> [String] {
  let descriptor = try FileDescriptor.open(FilePath(file), .readOnly, options: .closeOnExec)
  return try descriptor.closeAfter {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = try buffer.withUnsafeMutableBytes({ try descriptor.read(into: $0) }), count > 0 {
      bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
  }
}

extension String {
  fileprivate func removingPrefix(_ prefix: String) -> String? {
    hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
  }
}
