/// The entries of a package's changelog or of its NEWS.Debian, the newest first (deb-changelog(5)).
public struct Changelog: Sendable {
  /// One entry.
  public struct Entry: Sendable, Equatable {
    /// The version that it is about.
    public let version: String
    /// Its heading, its changes and its last line, without empty lines around them.
    public let text: String
  }

  /// The entries, in the order of the file.
  public let entries: [Entry]

  /// Reads a changelog. Lines before the first heading belong to no entry.
  public init(_ text: String) {
    var entries: [Entry] = []
    var open: (version: String, lines: [Substring])?
    func close() {
      guard let open else { return }
      let lines = open.lines.reversed().drop { $0.allSatisfy(\.isWhitespace) }.reversed()
      entries.append(Entry(version: open.version, text: lines.joined(separator: "\n")))
    }
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if let version = Self.version(in: line) {
        close()
        open = (version, [line])
      } else {
        open?.lines.append(line)
      }
    }
    close()
    self.entries = entries
  }

  /// The entries about the versions after one. The file is in order, so the first one that is not newer ends them.
  public func entries(after version: String) -> [Entry] {
    let older = DebianVersion(version)
    return Array(entries.prefix { DebianVersion($0.version) > older })
  }

  /// Whether there is an entry that is not about a version after one: then no entry of those is missing.
  public func reaches(_ version: String) -> Bool { entries(after: version).count < entries.count }

  /// The version in a heading, such as `bash (5.2-1) unstable; urgency=low`; nil if the line is not one.
  private static func version(in line: Substring) -> String? {
    guard let first = line.unicodeScalars.first, !first.properties.isWhitespace,
      let start = line.firstRange(of: " ("), let end = line[start.upperBound...].firstIndex(of: ")"),
      end > start.upperBound, line[..<start.lowerBound].allSatisfy({ $0 != " " })
    else { return nil }
    return String(line[start.upperBound..<end])
  }
}
