import FoundationEssentials
import SystemPackage

/// What Swift Testing writes to `--event-stream-output-path`: one JSON object a line.
struct EventStream {
  /// A line: a test, or something that happened to one.
  private struct Record: Decodable {
    struct Payload: Decodable {
      struct Place: Decodable {
        let path: String
        let file: String

        enum CodingKeys: String, CodingKey {
          case path = "_filePath"
          case file = "fileID"
        }
      }
      struct Issue: Decodable { let isKnown: Bool }
      struct Message: Decodable { let text: String }
      let kind: String
      let id: String?
      let testID: String?
      let sourceLocation: Place?
      let issue: Issue?
      let messages: [Message]?
    }
    let kind: String
    let payload: Payload
  }

  /// The test functions, in the order of their names.
  let tests: [Test]
  private(set) var started: Set<String> = []
  private(set) var ended: Set<String> = []
  private(set) var skipped: Set<String> = []
  /// What was said of each issue, by test.
  private(set) var issues: [String: [String]] = [:]

  /// Reads a file. The process that wrote it may have died in the middle of a line: that one does not count.
  init(file: FilePath) throws {
    let lines = try String(contentsOfFile: file.string, encoding: .utf8).split(separator: "\n")
    let records = lines.compactMap { try? JSONDecoder().decode(Record.self, from: Data($0.utf8)) }
    tests = records.compactMap(Self.test).sorted { $0.id < $1.id }
    for record in records where record.kind == "event" {
      guard let test = record.payload.testID else { continue }
      switch record.payload.kind {
      case "testStarted": started.insert(test)
      case "testEnded": ended.insert(test)
      case "testSkipped": skipped.insert(test)
      case "issueRecorded" where record.payload.issue?.isKnown != true:
        issues[test, default: []].append(record.payload.messages?.map(\.text).joined(separator: "\n") ?? "")
      default: break
      }
    }
  }

  private static func test(_ record: Record) -> Test? {
    guard record.kind == "test", record.payload.kind == "function", let id = record.payload.id,
      let place = record.payload.sourceLocation, let target = place.file.split(separator: "/").first
    else { return nil }
    // "/…/Tests/AstTests/Store/SyncTests.swift"; the files of GrubMenuTests are in a folder of another name.
    let path = place.path.split(separator: "/").map(String.init)
    let below = path.lastIndex(of: String(target)).map { path[($0 + 1)...] } ?? path.suffix(1)
    return Test(id: id, target: String(target), file: below.joined(separator: "/"))
  }
}
