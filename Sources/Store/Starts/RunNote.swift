import Glibc
import Host
import SnapshotTree
import SystemPackage

/// The note of which deployment ran last, `ast/ran` of the store: the machine's newest /etc is in its root.
///
/// The first program of each start writes it before anything can change /etc (`ast-init`, which has the same format),
/// and `deploy` writes the first one. A trial is never in it. It is replaced by a rename, and durable when `write`
/// returns.
package struct RunNote: Hashable {
  /// The system that ran last, or runs.
  package var ran: String
  /// The system that its /etc has still to be merged from; nil once that is done.
  package var from: String?

  /// The name of the system that was there before ast, until the first start of a deployment.
  package static let before = "before"

  /// A note that this deployment runs, with an /etc that is up to date.
  package init(ran: DeploymentID) { self.ran = "\(ran)" }

  /// A note that the system with this name runs.
  package init(ran: String) { self.ran = ran }

  /// The note in the store at `root`; nil if there is none.
  package init?(in root: FilePath) throws {
    guard let content = try RootDirectory(root).contents(of: Self.path) else { return nil }
    self.init(String(decoding: content, as: UTF8.self))
  }

  /// Reads the text of a note; nil if it does not say what ran.
  package init?(_ text: String) {
    var values: [Substring: Substring] = [:]
    // A newline of Unicode may be two characters, and the first program of a start reads bytes.
    for line in text.utf8.split(separator: UInt8(ascii: "\n")).map(Substring.init) {
      let parts = line.split(separator: "=", maxSplits: 1)
      if parts.count == 2 { values[parts[0]] = parts[1] }
    }
    guard let ran = values["ran"] else { return nil }
    self.ran = String(ran)
    from = values["from"].map(String.init)
  }

  /// The note for the start of a deployment: what is still to be merged, and of which system.
  package func starting(_ deployment: DeploymentID) -> RunNote {
    var note = RunNote(ran: deployment)
    let source = from ?? ran
    if source != note.ran { note.from = source }
    return note
  }

  /// The deployments whose /etc can still be merged into another one.
  package var deployments: Set<DeploymentID> {
    Set([ran, from].compactMap(\.self).compactMap { DeploymentID($0) })
  }

  /// The text of the note.
  package var text: String { "ran=\(ran)\n" + (from.map { "from=\($0)\n" } ?? "") }

  /// Replaces the note in the store at `root`.
  package func write(in root: FilePath) throws {
    let new = root.appending("ast/ran.new")
    try Files.write(text.utf8, to: new)
    try Files.sync(new)
    try Files.rename(new, to: root.pushing(Self.path))
    try Files.sync(root.appending("ast"))
  }

  private static let path: FilePath = "ast/ran"
}
