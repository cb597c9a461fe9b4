import FoundationEssentials
import FuzzEntries
import SystemPackage
import TestSupport
import Testing

/// Each parser of text from outside is in the table of the fuzzer.
@Suite("Every parser is fuzzed") struct EveryParserTests {
  /// Files that look like parsers, and the reason why no entry calls them by themselves.
  private static let exceptions = [
    "Formats/Etc/EtcProduct.swift": "looks a name up",
    "Operations/Machines/Disks/BlockDisk.swift": "reads what lsblk(8) of this machine prints",
    "ast/Follow/OperationAtWork.swift": "reads what this program writes for itself, where only root writes",
    "Operations/Nodes/Open/AttendantMessage.swift": "reads what this program says to itself, where only root may",
    "ast/CommandLine/VerbGrammar.swift": "reads what this program prints itself",
  ]

  @Test func parsersAreInTheTable() throws {
    let sources = Checkout.directory.appending("Sources")
    let known = Set(FuzzEntry.all.flatMap(\.sources))
    var parsers: Set<String> = []
    for file in try FileManager.default.subpathsOfDirectory(atPath: sources.string) where file.hasSuffix(".swift") {
      let text = try String(contentsOfFile: sources.pushing(FilePath(file)).string, encoding: .utf8)
      if Self.parses(text, isFormat: file.hasPrefix("Formats/")) { parsers.insert(file) }
    }
    #expect(parsers.count > 20)
    // Each of the parts of Tests/Runner/LongPart.swift has at most ten of them, and takes less than an hour.
    #expect(FuzzEntry.all.count <= 50)
    #expect(parsers.subtracting(known).subtracting(Self.exceptions.keys) == [])
    #expect(Set(Self.exceptions.keys).subtracting(parsers) == [], "these exceptions are not needed")
    for file in known {
      #expect(FileManager.default.fileExists(atPath: sources.pushing(FilePath(file)).string), "\(file)")
    }
  }

  /// Whether a file reads JSON or, in the rooms of the formats, makes values of text or bytes for other rooms.
  private static func parses(_ text: String, isFormat: Bool) -> Bool {
    if text.contains("JSONDecoder()") { return true }
    let declaration =
      #/(?:public|package) (?:static func \w+|init\??)\(\s*(?:_|in|for|on) ?\w*: (?:some (?:Collection|Sequence)<UInt8>|String|Substring|\[UInt8\]|Data)\b/#
    return isFormat && text.contains(declaration)
  }
}
