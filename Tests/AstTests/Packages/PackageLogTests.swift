import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// The logs of transactions: for root alone, and neither large nor many.
@Suite("Logs of transactions", .requiresRoot)
struct PackageLogTests {
  private static let quiet = DebPackage("quiet", scripts: [.postinst: "echo the secret word"])
  /// 40 MB, beyond the bound, and then the last words.
  private static let noisy = DebPackage(
    "noisy", scripts: [.postinst: "yes 'a line of no use' | head -c 40000000; echo last words >&2; exit 3"])

  private static let packages = Result { try PackageStore(publishing: [quiet, noisy]) }

  private let node: PackageNode
  private var logs: FilePath { node.store.root.appending("ast/log") }

  init() throws { node = try PackageNode(in: Self.packages.get()) }

  /// The names in the directory of the logs, by number.
  private func numbers() throws -> [Int] {
    try FileManager.default.contentsOfDirectory(atPath: logs.string).compactMap { Int($0.dropLast(4)) }.sorted()
  }

  @Test func logIsForRootAlone() throws {
    try node.ast("install", "quiet").expectSuccess()
    let log = logs.appending("\(try #require(numbers().last)).log")
    #expect(try String(contentsOfFile: log.string, encoding: .utf8).contains("the secret word"))
    #expect(try runSuccessfully(["stat", "--format", "%a %U", logs.string, log.string]) == "700 root\n600 root\n")
    let nobody = try run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "cat", log.string])
    #expect(nobody.status == 1 && nobody.stdout == "")
  }

  @Test func logHasABound() throws {
    let result = try node.ast("install", "noisy")
    #expect(result.status == 1)
    #expect(result.stderr.contains("last words"), "\(result.stderr.suffix(2000))")
    let log = logs.appending("\(try #require(numbers().last)).log")
    let size = try #require(Int(runSuccessfully(["stat", "--format", "%s", log.string]).dropLast()))
    let sentence = "\n[the rest of the output is left out]\n"
    #expect(size == 1 << 25 + sentence.utf8.count)
    #expect(try runSuccessfully(["tail", "-c", "\(sentence.utf8.count)", log.string]) == sentence)
    #expect(try runSuccessfully(["stat", "--format", "%a", log.string]) == "600\n")
  }

  @Test func thereAreNotMoreLogsThanAHundredBefore() throws {
    try node.ast("install", "quiet").expectSuccess()
    let newest = try #require(numbers().last)
    // Those of operations long ago, and a file that is not a log.
    for number in 0..<150 { try Data().write(to: URL(filePath: logs.appending("-\(number).log").string)) }
    try Data().write(to: URL(filePath: logs.appending("notes").string))
    try node.ast("remove", "quiet").expectSuccess()
    #expect(try numbers().count == 101)
    #expect(try numbers().suffix(2).first == newest)
    #expect(FileManager.default.fileExists(atPath: logs.appending("notes").string))
  }
}
