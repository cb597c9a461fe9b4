/// The lines of /etc/passwd or one of its relatives. All unchanged parts are written as they were read: comments, NIS
/// lines, invalid lines, a missing last newline.
public struct AccountFile<Entry: AccountLine>: Hashable, Sendable {
  /// The lines, without their newlines. A file that ends in a newline has an empty one at the end.
  public private(set) var lines: [[UInt8]]

  /// The file with this content.
  public init(_ content: some Sequence<UInt8>) {
    lines = content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Array.init)
  }

  /// The file with these lines, without newlines in them; each gets one.
  public init(lines: [[UInt8]]) { self.lines = lines + [[]] }

  /// The content.
  public var content: [UInt8] { Array(lines.joined(separator: [UInt8(ascii: "\n")])) }

  /// The accounts, in the order of the lines.
  public var entries: [Entry] { lines.compactMap(Entry.init) }

  /// Changes every entry.
  public mutating func update(_ change: (inout Entry) -> Void) {
    for index in lines.indices {
      guard var entry = Entry(lines[index]) else { continue }
      change(&entry)
      lines[index] = entry.line
    }
  }
}
