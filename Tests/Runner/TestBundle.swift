import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport

/// The test bundle beside this program: an executable that runs the tests it is told to.
struct TestBundle {
  private let path: FilePath

  /// The bundle of the checkout this program is from.
  init() throws {
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    path = FilePath(own).removingLastComponent().appending("astPackageTests.xctest")
    guard access(path.string, X_OK) == 0 else {
      throw Refusal("\(path) is missing: swift build --build-tests")
    }
  }

  /// The program that was built with the tests.
  var debugProgram: FilePath { path.removingLastComponent().appending("ast") }

  /// All tests there are.
  func tests() throws -> [Test] {
    let events = try temporaryFile()
    defer { unlink(events.string) }
    try runSuccessfully(
      [path.string, "--testing-library", "swift-testing", "--list-tests"] + Self.stream(to: events),
      environment: ProcessInfo.processInfo.environment)
    return try EventStream(file: events).tests
  }

  /// The command line that runs these tests, one after the other, and writes what happens to `events`.
  func command(running tests: [Test], events: FilePath) -> [String] {
    let files = Set(tests.map { "^\($0.target)\\..*/\($0.fileName.replacing(".", with: "\\.")):" }).sorted()
    return [path.string, "--testing-library", "swift-testing", "--no-parallel"] + Self.stream(to: events)
      + files.flatMap { ["--filter", $0] }
  }

  private static func stream(to file: FilePath) -> [String] {
    ["--event-stream-version", "0", "--event-stream-output-path", file.string]
  }
}

/// A new empty file in /tmp.
func temporaryFile() throws -> FilePath {
  var template = Array("/tmp/ast-test-events-XXXXXX".utf8CString)
  let file = mkstemp(&template)
  guard file >= 0 else { throw Errno(rawValue: errno) }
  close(file)
  return FilePath(platformString: template)
}
