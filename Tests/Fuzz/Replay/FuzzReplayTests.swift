import FoundationEssentials
import FuzzEntries
import SystemPackage
import TestSupport
import Testing

/// What the fuzzer does for hours, for seconds: the real files and some thousand inputs that are made from them, the same
/// ones each time.
@Suite("Fuzz replay", .serialized) struct FuzzReplayTests {
  /// The inputs that are made for each parser.
  private static let count = 1500

  @Test(arguments: FuzzEntry.all.map(\.name)) func parserSurvivesAnyInput(name: String) throws {
    let entry = try #require(FuzzEntry.all.first { $0.name == name })
    let inputs = try Corpus.inputs(of: entry)
    // A trap ends this process: the input is still there then.
    let last = FilePath("/tmp/ast-fuzz-\(name)-last")
    let file = try FileDescriptor.open(
      last, .writeOnly, options: [.create, .truncate, .closeOnExec], permissions: .ownerReadWrite)
    defer {
      try? file.close()
      try? FileManager.default.removeItem(atPath: last.string)
    }
    var mutator = Mutator(of: inputs, seed: 1)
    for number in 0..<(inputs.count + Self.count) {
      let input = number < inputs.count ? inputs[number] : mutator.next()
      try file.writeAll(toAbsoluteOffset: 0, input)
      try file.resize(to: Int64(input.count))
      do {
        try entry.parse(input)
      } catch {
        Issue.record("\(name): \(error), for \(String(reflecting: String(decoding: input, as: UTF8.self)))")
        return
      }
    }
  }

  @Test func mutatorRepeatsItselfAndMakesDifferentInputs() {
    let seeds = [Array("Package: a\nVersion: 12\n".utf8), Array("Package: b\nDepends: a (>= 1)\n".utf8)]
    var (first, second, other) = (
      Mutator(of: seeds, seed: 1), Mutator(of: seeds, seed: 1), Mutator(of: seeds, seed: 2)
    )
    let inputs = (0..<200).map { _ in first.next() }
    #expect(inputs == (0..<200).map { _ in second.next() })
    #expect(inputs != (0..<200).map { _ in other.next() })
    #expect(Set(inputs).count > 150)
  }
}
