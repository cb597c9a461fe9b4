/// The difference between two texts, line by line, in the unified form of diff(1).
public struct UnifiedDiff: Sendable, Equatable {
  /// The kinds of line.
  public enum Kind: Sendable, Equatable {
    /// Where the following lines are in the two texts.
    case place
    /// A line of both texts.
    case same
    /// A line of the first text only.
    case removed
    /// A line of the second text only.
    case added
    /// A remark on the line before it.
    case remark
  }

  /// One line.
  public struct Line: Sendable, Equatable {
    /// Its kind.
    public let kind: Kind
    /// Its text with the sign before it, and without the newline.
    public let text: String
  }

  /// The lines, without a heading; none for equal texts.
  public let lines: [Line]

  /// Compares two texts. Bytes that are not UTF-8 are U+FFFD in the result.
  public init(from older: [UInt8], to newer: [UInt8]) {
    let texts = (Self.lines(of: older), Self.lines(of: newer))
    var numbers: [ArraySlice<UInt8>: Int] = [:]
    func number(_ line: ArraySlice<UInt8>) -> Int {
      if let number = numbers[line] { return number }
      numbers[line] = numbers.count
      return numbers.count - 1
    }
    let edits = LineEdits(from: texts.0.map(number), to: texts.1.map(number))
    lines = Self.hunks(edits.runs).flatMap { Self.lines(of: $0, texts) }
  }

  /// The lines with their newlines, so that a last line without one is another line.
  private static func lines(of text: [UInt8]) -> [ArraySlice<UInt8>] {
    var lines: [ArraySlice<UInt8>] = []
    var start = text.startIndex
    while start < text.endIndex {
      let end = text[start...].firstIndex(of: newline).map { $0 + 1 } ?? text.endIndex
      lines.append(text[start..<end])
      start = end
    }
    return lines
  }

  /// Runs that are shown together: the equal lines between them are shown whole.
  private static func hunks(_ runs: [LineEdits.Run]) -> [[LineEdits.Run]] {
    runs.reduce(into: []) { hunks, run in
      if let last = hunks.last?.last, run.old.lowerBound - last.old.upperBound <= 2 * context {
        hunks[hunks.count - 1].append(run)
      } else {
        hunks.append([run])
      }
    }
  }

  private static func lines(
    of hunk: [LineEdits.Run], _ texts: (old: [ArraySlice<UInt8>], new: [ArraySlice<UInt8>])
  ) -> [Line] {
    guard let first = hunk.first, let last = hunk.last else { return [] }
    let before = min(context, first.old.lowerBound)
    let after = min(context, texts.old.count - last.old.upperBound)
    let old = (first.old.lowerBound - before)..<(last.old.upperBound + after)
    let new = (first.new.lowerBound - before)..<(last.new.upperBound + after)
    var lines = [Line(kind: .place, text: "@@ -\(place(old)) +\(place(new)) @@")]
    var next = old.lowerBound
    for run in hunk {
      lines += drawn(texts.old[next..<run.old.lowerBound], .same)
      lines += drawn(texts.old[run.old], .removed) + drawn(texts.new[run.new], .added)
      next = run.old.upperBound
    }
    return lines + drawn(texts.old[next..<old.upperBound], .same)
  }

  private static func drawn(_ lines: ArraySlice<ArraySlice<UInt8>>, _ kind: Kind) -> [Line] {
    let sign = kind == .removed ? "-" : kind == .added ? "+" : " "
    return lines.flatMap { line in
      let isWhole = line.last == newline
      let text = Line(kind: kind, text: sign + String(decoding: isWhole ? line.dropLast() : line, as: UTF8.self))
      return isWhole ? [text] : [text, Line(kind: .remark, text: "\\ No newline at end of file")]
    }
  }

  /// The first line and the number of lines, as diff(1) writes them.
  private static func place(_ lines: Range<Int>) -> String {
    switch lines.count {
    case 0: "\(lines.lowerBound),0"
    case 1: "\(lines.lowerBound + 1)"
    case let count: "\(lines.lowerBound + 1),\(count)"
    }
  }

  /// How many equal lines are shown around a change.
  private static let context = 3
  private static let newline = UInt8(ascii: "\n")
}

/// The shortest way from one sequence of lines to another (E. W. Myers, An O(ND) Difference Algorithm, 1986). If it is
/// very long, all lines between the first and the last difference are replaced instead.
private struct LineEdits {
  /// Lines that others take the place of; one of the ranges may be empty.
  struct Run {
    var old: Range<Int>
    var new: Range<Int>
  }

  /// The runs, in order, with equal lines between them.
  private(set) var runs: [Run] = []

  /// Longer ways are not looked for: the time and the memory grow with the square.
  private static let longestWay = 1000

  init(from old: [Int], to new: [Int]) {
    var start = 0
    while start < old.count, start < new.count, old[start] == new[start] { start += 1 }
    var ends = (old.count, new.count)
    while ends.0 > start, ends.1 > start, old[ends.0 - 1] == new[ends.1 - 1] { ends = (ends.0 - 1, ends.1 - 1) }
    let (left, right) = (Array(old[start..<ends.0]), Array(new[start..<ends.1]))
    guard !left.isEmpty || !right.isEmpty else { return }
    guard !left.isEmpty, !right.isEmpty, let steps = Self.steps(left, right) else {
      runs = [Run(old: start..<ends.0, new: start..<ends.1)]
      return
    }
    for (x, y, isRemoval) in steps {
      let run = Run(
        old: (start + x)..<(start + x + (isRemoval ? 1 : 0)), new: (start + y)..<(start + y + (isRemoval ? 0 : 1)))
      if let last = runs.last, last.old.upperBound == run.old.lowerBound, last.new.upperBound == run.new.lowerBound {
        runs[runs.count - 1] = Run(
          old: last.old.lowerBound..<run.old.upperBound, new: last.new.lowerBound..<run.new.upperBound)
      } else {
        runs.append(run)
      }
    }
  }

  /// Each removal or addition with its place in both sequences; nil if there are too many.
  private static func steps(_ left: [Int], _ right: [Int]) -> [(x: Int, y: Int, isRemoval: Bool)]? {
    let longest = min(left.count + right.count, longestWay)
    var way = FarthestPoints()
    var trace: [FarthestPoints] = []
    for step in 0...longest {
      trace.append(way)
      var next = FarthestPoints(step: step)
      for diagonal in stride(from: -step, through: step, by: 2) {
        var x = way.isAddition(on: diagonal, step) ? way[diagonal + 1] : way[diagonal - 1] + 1
        while x < left.count, x - diagonal < right.count, left[x] == right[x - diagonal] { x += 1 }
        next[diagonal] = x
        if x >= left.count, x - diagonal >= right.count { return wayBack(trace, from: (left.count, right.count)) }
      }
      way = next
    }
    return nil
  }

  private static func wayBack(
    _ trace: [FarthestPoints], from end: (x: Int, y: Int)
  ) -> [(x: Int, y: Int, isRemoval: Bool)] {
    var steps: [(x: Int, y: Int, isRemoval: Bool)] = []
    var (x, y) = end
    for (step, way) in trace.enumerated().reversed() where step > 0 {
      let diagonal = x - y
      let isAddition = way.isAddition(on: diagonal, step)
      let before = isAddition ? diagonal + 1 : diagonal - 1
      (x, y) = (way[before], way[before] - before)
      steps.append((x, y, !isAddition))
    }
    return steps.reversed()
  }
}

/// How far into the first sequence ways of the same number of steps come, for each diagonal: the difference of the places
/// in the two sequences.
private struct FarthestPoints {
  private let step: Int
  private var points: [Int]

  /// Ways of this many steps; without one, the beginning.
  init(step: Int = -1) {
    self.step = step
    points = Array(repeating: -1, count: max(0, 2 * step + 1))
  }

  subscript(diagonal: Int) -> Int {
    get { step < 0 ? 0 : abs(diagonal) <= step ? points[diagonal + step] : -1 }
    set { points[diagonal + step] = newValue }
  }

  /// Whether the way to a diagonal comes from the one above it, as step number `next`.
  func isAddition(on diagonal: Int, _ next: Int) -> Bool {
    diagonal == -next || diagonal != next && self[diagonal - 1] < self[diagonal + 1]
  }
}
