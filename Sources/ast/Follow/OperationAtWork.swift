import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import Store
import SystemPackage

/// A command that works, as its record says.
struct OperationAtWork {
  let start: StartLine
  /// The first operation of the command; nil while it plans.
  let transaction: OperationID?
  /// The last progress of each node that it works on.
  let progress: [ProgressLine]
  /// How many nodes there are to work on, and how many are finished.
  let nodes: Int
  let nodesDone: Int
  /// The part of the whole that is done.
  let overall: Double?
  /// The lines of the progress, as they are in the stream of events.
  let lines: [String]
  /// The exit status; nil until it ends.
  let status: Int32?

  /// The name to type: `t17`, or `p4711` before it has a number.
  var name: String { transaction.map { "t\($0)" } ?? start.operation }

  /// Whether a signal still ends all of its work without a change.
  var isCancellable: Bool { progress.allSatisfy(\.cancellable) }

  /// Reads a record; nil if there is none, or this user may not read it.
  init?(_ path: FilePath) {
    guard let file = try? FileDescriptor.open(path, .readOnly, options: [.noFollow, .closeOnExec]) else { return nil }
    defer { try? file.close() }
    self.init(file)
  }

  /// Reads a record that is open, from its beginning.
  init?(_ file: FileDescriptor) {
    var bytes = [UInt8](repeating: 0, count: Self.largest)
    guard let count = try? bytes.withUnsafeMutableBytes({ try file.read(fromAbsoluteOffset: 0, into: $0) }) else {
      return nil
    }
    // What has no end of line is still being written.
    let lines = String(decoding: bytes[..<count], as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false
    )
    .dropLast().map(String.init)
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    guard let first = lines.first, let start = try? decoder.decode(StartLine.self, from: Data(first.utf8)) else {
      return nil
    }
    var (progress, texts): ([ProgressLine], [String]) = ([], [])
    for text in lines.dropFirst() {
      guard let line = try? decoder.decode(ProgressLine.self, from: Data(text.utf8)) else { continue }
      progress.append(line)
      texts.append(text)
    }
    let members = lines.compactMap { try? decoder.decode(Members.self, from: Data($0.utf8)) }
    let newest = members.last { $0.overall != nil }
    self.start = start
    self.progress = progress
    self.lines = texts
    transaction = members.first?.transaction.flatMap { OperationID($0) }
    nodes = newest?.nodes ?? 1
    nodesDone = newest?.nodesDone ?? 0
    overall = newest?.overall
    status = members.last?.status
  }

  /// The members of lines that say something about the whole.
  private struct Members: Decodable {
    let transaction: String?
    let overall: Double?
    let nodes: Int?
    let nodesDone: Int?
    let status: Int32?
  }

  /// More than the lines of all nodes that one command works on at the same time.
  private static let largest = 1 << 18
}

extension OperationAtWork {
  /// The commands that work on the store at `root`, as far as this user may see them, oldest first.
  static func all(on root: FilePath) -> [OperationAtWork] {
    let names = (try? Files.names(in: OperationRecord.directory)) ?? []
    return names.filter { $0.hasPrefix("p") }.compactMap { OperationAtWork(OperationRecord.directory.appending($0)) }
      .filter { $0.start.process.isAlive && isSame($0.start.store, root.string) }
      .sorted { ($0.start.started, $0.start.pid) < ($1.start.started, $1.start.pid) }
  }

  /// Whether two paths lead to the same directory.
  private static func isSame(_ one: String, _ other: String) -> Bool {
    var (first, second) = (stat(), stat())
    return stat(one, &first) == 0 && stat(other, &second) == 0 && first.st_dev == second.st_dev
      && first.st_ino == second.st_ino
  }

  /// The file of the record.
  private var path: FilePath { OperationRecord.directory.appending(start.operation) }

  /// Waits until the command has ended.
  ///
  /// - Parameter changed: called with what the record says whenever that changes, beginning with what it says now.
  /// - Returns: the last that it said. Without an exit status, it was killed, or ended before anybody could look.
  func follow(_ changed: (OperationAtWork) throws -> Void) throws -> OperationAtWork {
    let news = RecordNews()
    let file = HeldRecord(path)
    var last = self
    while true {
      let isAlive = start.process.isAlive
      // The last line is written to the file that is there at the end, which may have lost its name by now.
      if let held = file.content, held.status != nil { return held }
      if file.reopen(), let read = file.content, read.start.process == start.process {
        last = read
        if read.status != nil { return read }
        try changed(read)
      }
      guard isAlive else { return last }
      news.wait()
    }
  }
}

/// A record that is kept open, because it loses its name as soon as it is replaced or its command has ended.
private final class HeldRecord {
  private let path: FilePath
  private var file: FileDescriptor?

  init(_ path: FilePath) { self.path = path }

  deinit { try? file?.close() }

  var content: OperationAtWork? {
    guard let file else { return nil }
    return OperationAtWork(file)
  }

  /// Opens the record that has the name now; false if there is none.
  func reopen() -> Bool {
    guard let opened = try? FileDescriptor.open(path, .readOnly, options: [.noFollow, .closeOnExec]) else {
      return false
    }
    try? file?.close()
    file = opened
    return true
  }
}

/// The changes in the directory of the records (inotify(7)).
private final class RecordNews {
  private let descriptor: Int32

  init() {
    // IN_NONBLOCK and IN_CLOEXEC, which Swift does not see.
    descriptor = inotify_init1(O_NONBLOCK | O_CLOEXEC)
    // IN_MODIFY, IN_MOVED_TO, IN_DELETE.
    if descriptor >= 0 { inotify_add_watch(descriptor, OperationRecord.directory.string, 0x2 | 0x80 | 0x200) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Waits for a change, or for a moment: the end of a process that is killed changes nothing.
  func wait() {
    var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&polled, 1, 200) > 0 else { return }
    var events = [UInt8](repeating: 0, count: 4096)
    while read(descriptor, &events, events.count) > 0 {}
  }
}
