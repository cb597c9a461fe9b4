public import FoundationEssentials
internal import Glibc
public import Settings
public import SystemPackage

/// The settings in files: `ast.toml`, and the files that add to it.
extension Settings {
  /// The settings in a file, if it exists, and then in the files `*.toml` in the directory with the same name followed
  /// by `.d`, in the order of their names.
  public init(of file: FilePath) throws(ConfigurationError) {
    self.init()
    let directory = FilePath(file.string + ".d")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.string)) ?? []
    let additions = names.filter { $0.hasSuffix(".toml") && !$0.hasPrefix(".") }.sorted()
    for path in [file] + additions.map({ directory.appending($0) }) {
      guard FileManager.default.fileExists(atPath: path.string) else { continue }
      let data: [UInt8]
      do { data = try FileText.regular(path) } catch { throw .unreadable(path) }
      try read(data, in: path, of: .machine)
    }
  }

  /// The settings of this machine; `AST_CONFIG` names another file.
  public static func ofThisMachine() throws(ConfigurationError) -> Settings {
    try Settings(of: getenv("AST_CONFIG").map { FilePath(platformString: $0) } ?? file)
  }

  /// The settings of one node, whose own file has this content.
  public func with(node data: Data, at path: FilePath) throws(ConfigurationError) -> Settings {
    var settings = self
    try settings.read(data, in: path, of: .node)
    return settings
  }

  /// Adds the settings in the content of a file.
  package mutating func read(
    _ data: some Collection<UInt8>, in path: FilePath, of owner: Owner
  ) throws(ConfigurationError) {
    guard let text = String(validating: data, as: UTF8.self), !text.utf8.contains(0) else {
      throw .wrong(path, "this is not UTF-8 text")
    }
    let entries: [SettingEntry]
    do {
      entries = try SettingEntries(text).entries
    } catch {
      throw .wrong(path, line: error.line, column: error.column, error.reason)
    }
    for entry in entries { try take(entry, in: path, of: owner) }
  }
}
