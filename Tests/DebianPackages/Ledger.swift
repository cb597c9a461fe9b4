import FoundationEssentials
import SystemPackage

/// What was done with a package, and what came of it.
struct Entry: Codable {
  /// The steps of a package.
  enum Step: String, Codable, CaseIterable {
    case install, upgrade, purge, files
  }

  /// What came of a step.
  enum Result: String, Codable {
    case ok
    /// The release does not have the package, or the node does not have it any more.
    case none
    /// It fails in a plain Debian as well.
    case failsAnywhere
    /// It works in a plain Debian, and fails in a node.
    case failsHere
  }

  /// Which node it is: see ``Course/Track``.
  let track: String
  let package: String
  let step: Step
  let result: Result
  let seconds: Int
  /// The versions of the package before and after.
  var versions: [String] = []
  /// Why it failed.
  var reason: String?
  /// What is wrong with the node or the store afterwards.
  var findings: [String] = []
  /// What was different from a plain Debian, or is worth a look.
  var notes: [String] = []
}

/// The file of all that was done: a line for each step, so that a later run goes on where this one ends.
struct Ledger {
  private(set) var entries: [Entry]
  private let file: FilePath

  /// Reads what is there. The last line may be cut off, if the machine was: that step is done again.
  init(at file: FilePath) {
    self.file = file
    let text = (try? String(contentsOfFile: file.string, encoding: .utf8)) ?? ""
    entries = text.split(separator: "\n").compactMap { try? JSONDecoder().decode(Entry.self, from: Data($0.utf8)) }
  }

  /// Adds a step, and prints it.
  mutating func add(_ entry: Entry) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let line = try encoder.encode(entry) + Data("\n".utf8)
    let stream = try FileDescriptor.open(
      file, .writeOnly, options: [.create, .append, .closeOnExec],
      permissions: [.ownerReadWrite, .groupRead, .otherRead])
    try stream.closeAfter { _ = try stream.writeAll(line) }
    entries.append(entry)
    say(
      ([entry.track, entry.package, entry.step.rawValue, entry.text, "\(entry.seconds) s"] + entry.details).joined(
        separator: "  "))
  }

  /// The entry of a step.
  func entry(_ track: String, _ package: String, _ step: Entry.Step) -> Entry? {
    entries.last { $0.track == track && $0.package == package && $0.step == step }
  }
}

extension Entry {
  /// The result in a word or two.
  var text: String {
    switch result {
    case .ok: findings.isEmpty ? "ok" : "ok, BUT"
    case .none: "-"
    case .failsAnywhere: "fails (also in a plain chroot)"
    case .failsHere: "FAILS HERE"
    }
  }

  /// Whether ast is to blame.
  var isFault: Bool { result == .failsHere || !findings.isEmpty }

  /// What is to be said besides the result, a line each.
  var details: [String] {
    ((reason.map { [$0] } ?? []) + findings + notes).map { "\n    \($0)" }
  }
}
