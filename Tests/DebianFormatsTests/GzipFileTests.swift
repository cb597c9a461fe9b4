import DebianFormats
import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// What gzip(1) makes is read as it was.
@Suite("gzip") struct GzipFileTests {
  /// The bytes that gzip(1) makes of others.
  private func compressed(_ bytes: [UInt8], _ options: [String] = []) throws -> [UInt8] {
    let directory = FilePath("/tmp/ast-gzip-\(UUID().uuidString)")
    try runSuccessfully(["mkdir", directory.string])
    defer { _ = try? run(["rm", "-r", directory.string]) }
    let file = directory.appending("file")
    try Data(bytes).write(to: URL(filePath: file.string))
    try runSuccessfully(["gzip"] + options + [file.string])
    return try Array(Data(contentsOf: URL(filePath: "\(file).gz")))
  }

  /// Texts that lead to each kind of block: stored, with the fixed code, with a code of its own.
  private static let contents: [[UInt8]] = {
    var generator = SeededGenerator(seed: 7)
    let noise = (0..<70_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
    let words = (0..<20_000).map { _ in ["tool", "(1.0)", "fixes", "a", "bug\n"].randomElement(using: &generator) ?? ""
    }
    return [[], Array("a".utf8), Array(repeating: 97, count: 100_000), noise, Array(words.joined(separator: " ").utf8)]
  }()

  @Test(arguments: contents.indices, ["-1", "-9", "-9n"]) func contentIsRead(index: Int, level: String) throws {
    let content = Self.contents[index]
    #expect(try GzipFile.content(of: compressed(content, [level]), limit: 1 << 20) == content)
  }

  @Test func noMoreThanTheLimitIsRead() throws {
    let file = try compressed(Self.contents[4])
    for limit in [0, 1, 1000] {
      #expect(GzipFile.content(of: file, limit: limit) == Array(Self.contents[4].prefix(limit)))
    }
    // A file that is cut is read as far as the limit, if it goes so far.
    #expect(GzipFile.content(of: Array(file.prefix(2000)), limit: 1000) == Array(Self.contents[4].prefix(1000)))
  }

  @Test func severalInOneFileAreReadOneAfterTheOther() throws {
    let file = try compressed(Array("one\n".utf8)) + compressed(Array("two\n".utf8))
    #expect(GzipFile.content(of: file, limit: 100) == Array("one\ntwo\n".utf8))
  }

  @Test func whatIsDamagedHasNoContent() throws {
    let file = try compressed(Self.contents[4])
    for bad in [[], Array(file.prefix(5)), Array(file.prefix(2000)), Array("text".utf8), Array(file.dropFirst(3))] {
      #expect(GzipFile.content(of: bad, limit: 1 << 20) == nil)
    }
    // It ends, whatever is changed.
    var generator = SeededGenerator(seed: 8)
    for _ in 0..<300 {
      var bad = Array(file.prefix(3000))
      bad[Int.random(in: bad.indices, using: &generator)] ^= 1 << UInt8.random(in: 0...7, using: &generator)
      #expect(GzipFile.content(of: bad, limit: 10_000)?.count ?? 0 <= 10_000)
    }
  }
}
