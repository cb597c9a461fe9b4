import Glibc
import Synchronization
import SystemPackage
import TestSupport

/// Where one part runs at a time. The parts of a lane follow each other on one file system, so that a Debian need not
/// be unpacked for each of them.
final class Lane: Sendable {
  private let disk = Mutex<LoopBtrfs?>(nil)

  /// What the tests leave on a file system is not deleted one by one: it goes with the file system when it is so much.
  private static let fullness: Int64 = 2 << 30

  /// Runs a part. What keeps it from running is a failure of it.
  func run(_ part: Part, in bundle: TestBundle, atMost limit: Duration) -> Outcome {
    do {
      var environment: [String: String] = [:]
      if case .tests = part.work { environment[LoopBtrfs.sharedVariable] = try place().string }
      if part.isDebug { environment["AST_BINARY"] = bundle.debugProgram.string }
      return try part.run(in: bundle, environment: environment, atMost: limit)
    } catch {
      return Outcome(
        part: part, seconds: 0, passed: 0, failures: [(part.name, "could not be run: \(error)")], skipped: [],
        end: nil, output: "")
    }
  }

  private func place() throws -> FilePath {
    try disk.withLock { disk in
      if let used = disk?.used, used < Self.fullness, let disk { return disk.root }
      disk?.remove()
      let fresh = try LoopBtrfs.large()
      disk = fresh
      return fresh.root
    }
  }
}
