public import SystemPackage

/// A parser of text from outside, as the fuzzer and the replay call it.
public struct FuzzEntry: Sendable {
  /// The name, on the command line of the fuzzer.
  public let name: String
  /// The files of the parsers, below Sources.
  public let sources: [String]
  /// Texts of the format, which the first inputs are made of.
  public let seeds: [[UInt8]]
  /// Files of the format in a Debian root, relative to it.
  public let files: [FilePath]
  /// Parses any bytes. That they are not of the format is not an error.
  ///
  /// - Throws: ``FuzzFailure`` if the result is one that cannot be.
  public let parse: @Sendable ([UInt8]) throws -> Void

  init(
    _ name: String, of sources: [String], seeds: [String] = [], bytes: [[UInt8]] = [], files: [FilePath] = [],
    _ parse: @escaping @Sendable ([UInt8]) throws -> Void
  ) {
    self.name = name
    self.sources = sources
    self.seeds = seeds.map { Array($0.utf8) } + bytes
    self.files = files
    self.parse = parse
  }

  /// The one table.
  public static let all =
    packageEntries + indexEntries + aptEntries + etcEntries + accountEntries + settingEntries + recordEntries
    + bootEntries
}

/// A result of a parser that cannot be.
public struct FuzzFailure: Error, CustomStringConvertible {
  /// The sentence.
  public let description: String
}

/// Makes sure that a result can be.
func require(_ condition: Bool, _ sentence: @autoclosure () -> String) throws(FuzzFailure) {
  guard condition else { throw FuzzFailure(description: sentence()) }
}

/// The text of an input, as programs' output is read.
func text(_ input: some Collection<UInt8>) -> String { String(decoding: input, as: UTF8.self) }

/// An input that stands for several files: the parts between bytes that no text has, at least `count` of them.
func parts(_ input: [UInt8], _ count: Int) -> [[UInt8]] {
  let found = input.split(separator: 0xff, omittingEmptySubsequences: false).map { Array($0) }
  return found + Array(repeating: [], count: max(0, count - found.count))
}
