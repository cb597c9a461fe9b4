/// The first mistake in a text that is not TOML, and its place.
struct TOMLError: Error, Equatable {
  /// The line, from 1.
  let line: Int
  /// The column, from 1, in characters of Unicode.
  let column: Int
  /// The mistake, in one sentence.
  let reason: String
}
