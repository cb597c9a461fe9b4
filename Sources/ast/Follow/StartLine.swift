import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import SystemPackage

/// The first event of a command, and the first line of its record.
struct StartLine: EventLine, Codable {
  private(set) var apiVersion = 1
  private(set) var event = "started"
  /// The command as it was typed; in the record, which users can read, only its verb and its node.
  var command: String
  /// The name by which `watch` and `cancel` find it before it has a number in the history.
  let operation: String
  let pid: Int32
  /// When the process was started, in ticks of the clock since the machine was.
  let processStarted: UInt64
  /// The store's directory.
  let store: String
  /// Who is logged in and started it.
  let user: String
  let started: Date
  @Nullable var node: NodeID?
  private(set) var cancellable = true

  /// The start of this process's command on a store.
  init(command: String, store: FilePath) {
    let process = ProcessIdentity.own
    self.command = command
    self.store = Self.absolute(store)
    (pid, processStarted) = (process.pid, process.started)
    operation = "p\(process.pid)"
    user = Self.user
    started = Date()
  }

  private static func absolute(_ store: FilePath) -> String {
    guard !store.isAbsolute, let here = getcwd(nil, 0) else { return store.string }
    defer { free(here) }
    return FilePath(platformString: here).pushing(store).lexicallyNormalized().string
  }

  /// The process that works.
  var process: ProcessIdentity { ProcessIdentity(pid: pid, started: processStarted) }

  private static var user: String {
    let number = LoginUser.number
    return getpwuid(number).map { String(cString: $0.pointee.pw_name) } ?? "\(number)"
  }
}
