/// Finds the word that a user may have meant.
public enum Spelling {
  /// The candidate that differs from `typed` in the fewest letters; nil if all of them differ in more than a third of
  /// it.
  public static func nearest<Candidate>(
    to typed: String, in candidates: [Candidate], spelled: (Candidate) -> String
  ) -> Candidate? {
    let letters = Array(typed)
    let measured = candidates.map { ($0, mistakes(in: letters, for: Array(spelled($0)))) }
    guard let best = measured.min(by: { $0.1 < $1.1 }), best.1 <= max(1, letters.count / 3) else { return nil }
    return best.0
  }

  /// How many letters were added, left out, mistaken for others or typed in the wrong order: the distance of Damerau and
  /// Levenshtein, where no letter is touched twice.
  static func mistakes(in typed: [Character], for meant: [Character]) -> Int {
    var (before, last) = ([Int](), Array(0...meant.count))
    for (row, letter) in typed.enumerated() {
      var line = [row + 1]
      for (column, other) in meant.enumerated() {
        var cost = min(last[column] + (letter == other ? 0 : 1), last[column + 1] + 1, line[column] + 1)
        if row > 0, column > 0, letter == meant[column - 1], typed[row - 1] == other {
          cost = min(cost, before[column - 1] + 1)
        }
        line.append(cost)
      }
      (before, last) = (last, line)
    }
    return last[meant.count]
  }
}
