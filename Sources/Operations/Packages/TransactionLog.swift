import FoundationEssentials
import Host
import SnapshotTree
import Store
import SystemPackage

/// The output of the programs of a transaction, in a file for people: `ast/log/<operation>.log` in the store.
package final class TransactionLog {
  /// The file.
  package let path: FilePath
  /// The file, open for the programs that write into it.
  package let file: FileDescriptor
  /// The end of the output, for messages.
  private var end: [UInt8] = []
  /// How many bytes of output are still written.
  private var room = TransactionLog.largest

  private let report: ([UInt8]) -> Void

  package init(_ operation: OperationID, on node: NodeID, in store: Store) throws {
    report = { [report = store.report] in report(.said($0, node)) }
    let directory = Store.logs(in: store.root)
    try Store.makePrivateDirectory("ast/log", in: store.root)
    Self.removeOld(in: directory)
    path = Store.log(of: operation, in: store.root)
    file = try Files.attempt("make", path) { [path] in
      try FileDescriptor.open(
        path, .writeOnly, options: [.create, .truncate, .append, .closeOnExec], permissions: .ownerReadWrite)
    }
  }

  deinit { try? file.close() }

  /// Adds output. An error is ignored: on a full disk the work itself fails, and the log must not make it fail.
  func write(_ piece: [UInt8]) {
    report(piece)
    if room > 0 {
      _ = try? file.writeAll(piece.prefix(room))
      room -= piece.count
      if room <= 0 { _ = try? file.writeAll("\n[the rest of the output is left out]\n".utf8) }
    }
    end = Array((end + piece).suffix(Self.kept))
  }

  /// The end of the output.
  var tail: String { String(decoding: end, as: UTF8.self) }

  /// The last line before the one that begins with `mark`, unless dpkg reports its progress in it.
  func lastWords(before mark: String) -> String? {
    let lines = tail.split(separator: "\n").map { $0.trimmingPrefix(while: { $0 == " " }) }
    guard let index = lines.firstIndex(where: { $0.hasPrefix(mark) }), index > 0,
      !Self.narration.contains(where: lines[index - 1].hasPrefix)
    else { return nil }
    return String(lines[index - 1].prefix(200))
  }

  private static let narration = ["Unpacking ", "Preparing to unpack ", "Setting up ", "Removing ", "Processing "]

  private static func removeOld(in directory: FilePath) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.string)) ?? []
    let numbers = names.compactMap { $0.hasSuffix(".log") ? Int($0.dropLast(4)) : nil }.sorted()
    for number in numbers.dropLast(logsKept) {
      try? FileManager.default.removeItem(atPath: directory.appending("\(number).log").string)
    }
  }

  /// The largest log, in bytes: many times what an upgrade to the next release prints.
  private static let largest = 1 << 25
  /// A few screens, in bytes.
  private static let kept = 1 << 14
  private static let logsKept = 100
}
