import ArgumentParser
import Btrfs
import FileTrees
import Glibc
import Nodes
import SnapshotTree
import Store

struct Diff: Verb {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Show how the packages and the configuration of a node differ from those of another",
    discussion: """
      A line is a package, or a file in /etc: `+` for what only the second has, `-` for what only the first has, `~` \
      for what both have. File times are ignored. Files are compared only for root. A node alone is compared with what it \
      was before its last change: `ast diff 1` is `ast diff 1@-1 1`.
      """)
  static var needs: Need { .reading }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Flag(help: "Compare only the packages, and list them by kind of change.") var packages = false
  @Flag(help: "Show what is new in each package, from its changelog and its NEWS.Debian.") var changelog = false
  @Flag(help: "Compare all files, not only those in /etc.") var files = false
  @Flag(help: "Show the lines that differ.") var content = false
  @Argument(help: "The node or generation to start from.") var first: GenerationName
  @Argument(help: "The node or generation to compare with it (default: the first, with the generation before it).")
  var second: GenerationName?

  func validate() throws {
    guard !packages || !files && !content else {
      throw ValidationError("--packages compares no files: it excludes --files and --content")
    }
  }

  func perform(in context: Context) throws -> Report {
    let store = try context.store
    let named = try store.reference(named: self.first)
    let first = try second == nil ? store.generation(before: named) : named
    let second = try self.second.map(store.reference) ?? named
    let changed = try store.packageChanges(from: first, to: second)
    let isRoot = geteuid() == 0
    let notes = try changelog && isRoot ? store.notes(on: changed, from: first, to: second) : []
    let files = try packages || !isRoot ? nil : fileChanges(from: first, to: second, in: store)
    if !isRoot, !packages { context.output.note("files are compared only for root (use sudo)") }
    if !isRoot, changelog { context.output.note("changelogs are shown only to root (use sudo)") }
    let names = (self.second == nil ? "\(first)" : "\(self.first)", "\(self.second ?? self.first)")
    let rows = changed.enumerated().map { PackageRow($1, notes.isEmpty ? nil : notes[$0]) }
    let lines =
      packages
      ? DiffView.byKind(rows) : rows.map(\.line) + (files ?? []).map { DiffView.text($0, names) }
    if lines.isEmpty { context.output.tellUser(emptiness(hasFiles: files != nil)) }
    return Report(
      text: lines.joined(separator: "\n"),
      data: DiffReport(packages: rows.map(PackageReport.init), files: files?.map(DiffFileReport.init)))
  }

  /// What people are told of a comparison in which nothing differs.
  ///
  /// - Parameter hasFiles: whether files were compared.
  private func emptiness(hasFiles: Bool) -> String {
    guard hasFiles else { return "no package differs" }
    return "no package differs, and no file\(files ? "" : " in /etc; `--files` compares all")"
  }

  /// The changed files, with their contents if these are asked for.
  private func fileChanges(
    from first: GenerationReference, to second: GenerationReference, in store: Store
  ) throws -> [FileRow] {
    let changes = try store.fileChanges(from: first, to: second, in: files ? .everything : .configuration)
    guard content else { return changes.map { FileRow(change: $0, content: nil) } }
    let contents = try store.contentDifferences(of: changes, from: first, to: second)
    return zip(changes, contents).map { FileRow(change: $0, content: $1) }
  }
}

/// A package that differs, and what it says about that.
private struct PackageRow {
  let change: PackageChange
  let notes: VersionNotes?

  init(_ change: PackageChange, _ notes: VersionNotes?) { (self.change, self.notes) = (change, notes) }

  /// The line of the list, and the notes below it.
  var line: String {
    let package = "\(change.name):\(change.architecture)"
    let line =
      switch change.kind {
      case .added: "+ \(package) \(change.to ?? "")"
      case .removed: "- \(package) \(change.from ?? "")"
      case .upgraded, .downgraded:
        "~ \(package) \(change.from ?? "") -> \(change.to ?? "") (\(change.kind.rawValue))"
      }
    return Printable.line(line) + noteLines
  }

  /// The notes, indented, each line after a newline.
  var noteLines: String {
    guard let notes else { return "" }
    let log =
      notes.changelog.map { $0.isEmpty ? "(no new entry in the changelog)" : $0 } ?? "(no changelog in /usr/share/doc)"
    let parts = [notes.news.map { "News:\n\($0)" }, log].compactMap(\.self)
    return parts.joined(separator: "\n\n").split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.isEmpty ? "\n" : "\n    \(Printable.line(String($0)))" }.joined()
  }
}

/// A file that differs, and how its content does.
private struct FileRow {
  let change: FileChange
  let content: FileDifference?
}

/// The text of `diff`.
private enum DiffView {
  /// The packages under a heading for each kind of change, and how many they are.
  static func byKind(_ rows: [PackageRow]) -> [String] {
    guard !rows.isEmpty else { return [] }
    let kinds: [(PackageChange.Kind, heading: String)] = [
      (.added, "New"), (.removed, "Gone"), (.upgraded, "Upgraded"), (.downgraded, "Downgraded"),
    ]
    let names = Dictionary(grouping: rows, by: \.change.name)
    let blocks = kinds.compactMap { kind, heading in
      block(heading, rows.filter { $0.change.kind == kind }) { names[$0]?.count ?? 0 > 1 }
    }
    let counts = kinds.compactMap { kind, heading in
      let count = rows.count { $0.change.kind == kind }
      return count == 0 ? nil : "\(count) \(heading.lowercased())"
    }
    return blocks + ["\(counts.joined(separator: ", "))."]
  }

  private static func block(
    _ heading: String, _ rows: [PackageRow], hasNamesakes: (String) -> Bool
  ) -> String? {
    guard !rows.isEmpty else { return nil }
    let names = rows.map { row in
      let change = row.change
      return Printable.line(hasNamesakes(change.name) ? "\(change.name):\(change.architecture)" : change.name)
    }
    let width = names.map(\.count).max() ?? 0
    let lines = zip(names, rows).map { name, row in
      let versions = [row.change.from, row.change.to].compactMap(\.self).joined(separator: " -> ")
      return "  \(name)\(String(repeating: " ", count: width - name.count))  \(Printable.line(versions))"
        + row.noteLines
    }
    return ([Palette.results.strong("\(heading) (\(rows.count)):")] + lines).joined(separator: "\n")
  }

  /// A file, and the lines that differ.
  ///
  /// - Parameter names: what is compared, as it was typed.
  static func text(_ row: FileRow, _ names: (first: String, second: String)) -> String {
    guard let difference = row.content else { return row.change.line }
    switch difference.content {
    case .binary: return row.change.line + "\n  (not text)"
    case .omitted: return row.change.line + "\n  (too large to be compared)"
    case .text(let diff):
      let heading = [
        row.change.kind == .added ? "--- /dev/null" : "--- \(names.first):/\(difference.origin)",
        row.change.kind == .removed ? "+++ /dev/null" : "+++ \(names.second):/\(row.change.path)",
      ].map { Palette.results.strong(Printable.line($0)) }
      return ([row.change.line] + heading + diff.lines.map(line)).joined(separator: "\n")
    }
  }

  private static func line(_ line: UnifiedDiff.Line) -> String {
    // Tabs are not harmful, and configuration files have them.
    let text = line.text.split(separator: "\t", omittingEmptySubsequences: false).map { Printable.line(String($0)) }
      .joined(separator: "\t")
    return switch line.kind {
    case .removed: Palette.results.bad(text)
    case .added: Palette.results.good(text)
    case .place, .same, .remark: text
    }
  }
}

extension FileChange {
  /// The change as people read it.
  var line: String {
    let name = Printable.line("/\(path.string)")
    let words = (kind == .renamed ? [kind.rawValue] : []) + differences.map(\.rawValue)
    return switch kind {
    case .added: "+ \(name)"
    case .removed: "- \(name)"
    case .changed: "~ \(name) (\(words.joined(separator: ", ")))"
    case .renamed: "~ \(Printable.line("/\(from ?? "")")) -> \(name) (\(words.joined(separator: ", ")))"
    }
  }
}

/// The differences as `--json` shows them.
private struct DiffReport: Encodable {
  let packages: [PackageReport]
  @Nullable var files: [DiffFileReport]?
}

/// A package that differs.
private struct PackageReport: Encodable {
  let name: String
  let architecture: String
  let change: String
  @Nullable var from: String?
  @Nullable var to: String?
  @Nullable var changelog: String?
  @Nullable var news: String?

  init(_ row: PackageRow) {
    name = row.change.name
    architecture = row.change.architecture
    change = row.change.kind.rawValue
    from = row.change.from
    to = row.change.to
    changelog = row.notes?.changelog
    news = row.notes?.news
  }
}

/// A file that differs, with its content.
private struct DiffFileReport: Encodable {
  private let path: String
  private let change: String
  @Nullable private var from: String?
  private let differences: [String]
  @Nullable private var content: String?
  @Nullable private var diff: String?

  init(_ row: FileRow) {
    let report = FileReport(row.change)
    (path, change, differences) = (report.path, report.change, report.differences)
    from = report.from
    switch row.content?.content {
    case .text(let difference):
      content = "text"
      diff = difference.lines.map { "\($0.text)\n" }.joined()
    case .binary: content = "binary"
    case .omitted: content = "omitted"
    case nil: break
    }
  }
}

/// A file that differs, as `--json` shows it. Bytes of its name that are not UTF-8 are U+FFFD here.
struct FileReport: Encodable {
  let path: String
  let change: String
  @Nullable var from: String?
  let differences: [String]

  init(_ change: FileChange) {
    path = "/\(change.path.string)"
    self.change = change.kind.rawValue
    from = change.from.map { "/\($0.string)" }
    differences = change.differences.map(\.rawValue)
  }
}
