import ArgumentParser
import Btrfs
import Glibc
import Nodes
import SnapshotTree
import Store

struct Diff: Verb {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Show how the packages and the configuration of a node differ from those of another",
    discussion: """
      A line is a package, or a file in /etc: `+` for what only the second has, `-` for what only the first has, `~` \
      for what both have. File times are ignored. Files are compared only for root.
      """)
  static var needs: Need { .reading }

  @OptionGroup var global: GlobalOptions
  @Flag(help: "Compare all files, not only those in /etc.") var files = false
  @Argument(help: "The node or generation to start from.") var first: GenerationName
  @Argument(help: "The node or generation to compare with it.") var second: GenerationName

  func perform(in context: Context) throws -> Report {
    let store = try context.store
    let (first, second) = (try store.reference(named: self.first), try store.reference(named: self.second))
    let packages = try store.packageChanges(from: first, to: second)
    let changes = try fileChanges(from: first, to: second, in: store)
    if changes == nil { context.output.note("files are compared only for root (use sudo)") }
    return Report(
      text: (packages.map(\.line) + (changes ?? []).map(\.line)).joined(separator: "\n"),
      data: DiffReport(packages: packages.map(PackageReport.init), files: changes?.map(FileReport.init)))
  }

  /// The changed files; nil if this user may not read them.
  private func fileChanges(
    from first: GenerationReference, to second: GenerationReference, in store: Store
  ) throws -> [FileChange]? {
    guard geteuid() == 0 else { return nil }
    return try store.fileChanges(from: first, to: second, in: files ? .everything : .configuration)
  }
}

extension PackageChange {
  fileprivate var line: String {
    let package = "\(name):\(architecture)"
    let line =
      switch kind {
      case .added: "+ \(package) \(to ?? "")"
      case .removed: "- \(package) \(from ?? "")"
      case .upgraded, .downgraded: "~ \(package) \(from ?? "") -> \(to ?? "") (\(kind.rawValue))"
      }
    return Printable.line(line)
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
  @Nullable var files: [FileReport]?
}

/// A package that differs.
private struct PackageReport: Encodable {
  let name: String
  let architecture: String
  let change: String
  @Nullable var from: String?
  @Nullable var to: String?

  init(_ change: PackageChange) {
    name = change.name
    architecture = change.architecture
    self.change = change.kind.rawValue
    from = change.from
    to = change.to
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
