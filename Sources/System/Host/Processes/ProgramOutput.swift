/// The beginning of what a program prints. Programs of a node can print without end.
package struct OutputStart {
  private let limit: Int
  private var bytes: [UInt8] = []
  /// Whether there was more than the limit.
  package private(set) var isCut = false

  /// The first `limit` bytes.
  package init(limit: Int) { self.limit = limit }

  package mutating func add(_ piece: [UInt8]) {
    let rest = limit - bytes.count
    isCut = isCut || piece.count > rest
    bytes += piece.prefix(rest)
  }

  /// The text up to the limit.
  package var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// The beginning and the end of a program's messages: the reason of a failure stands in one of them.
package struct OutputEnds {
  private var start: [UInt8] = []
  private var end: [UInt8] = []
  private var isCut = false

  package init() {}

  package mutating func add(_ piece: [UInt8]) {
    let rest = Self.kept - start.count
    start += piece.prefix(rest)
    end += piece.dropFirst(rest)
    // Not at each piece, or many small pieces would take long.
    guard end.count > 2 * Self.kept else { return }
    (end, isCut) = (end.suffix(Self.kept), true)
  }

  /// Both, with a line between them if there is more.
  package var text: String {
    let cut = isCut || end.count > Self.kept
    return String(decoding: start + (cut ? Array("\n[...]\n".utf8) : []) + end.suffix(Self.kept), as: UTF8.self)
  }

  private static let kept = 1 << 15
}

/// Divides text that comes in pieces into lines. Of a line without an end, the rest is dropped.
package struct LineBuffer {
  private var rest: [UInt8] = []

  package init() {}

  /// The lines that `piece` completes.
  package mutating func lines(adding piece: [UInt8]) -> [String] {
    rest += piece
    guard piece.contains(UInt8(ascii: "\n")) else {
      rest = Array(rest.prefix(Self.longest))
      return []
    }
    var lines = rest.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    rest = lines.popLast().map { Array($0.prefix(Self.longest)) } ?? []
    return lines.map { String(decoding: $0.prefix(Self.longest), as: UTF8.self) }
  }

  /// The text after the last line end.
  package var unfinished: String { String(decoding: rest, as: UTF8.self) }

  private static let longest = 1 << 16
}
