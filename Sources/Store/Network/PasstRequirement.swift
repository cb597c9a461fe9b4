import DebianFormats
import Dispatch
import Host
import Synchronization

/// The question whether this machine's passt keeps programs from it, which dpkg answers while other things are done. pasta
/// itself prints its version only on a terminal.
package final class PasstRequirement: Sendable {
  /// The first version that closes what it is told to close, and ends with the namespace. Debian 12's is older.
  package static let oldest = "0.0~git20250503"

  /// What must be there for a network of its own, and is not.
  enum Failure: Error {
    case missing
    case old(String)
  }

  private let failure = Mutex<Failure?>(nil)
  private let known = DispatchSemaphore(value: 0)

  /// Asks.
  init() {
    DispatchQueue(label: "passt").async { [self] in
      let found = Self.look()
      failure.withLock { $0 = found }
      known.signal()
    }
  }

  /// Waits for the answer.
  func check() throws(Failure) {
    known.wait()
    known.signal()
    if let failure = failure.withLock({ $0 }) { throw failure }
  }

  private static func look() -> Failure? {
    let query = ChildProcess("dpkg-query", ["--show", "--showformat", "${db:Status-Status} ${Version}", "passt"])
    // It fails if there is no such package.
    let words = ((try? query.line()) ?? "").split(separator: " ").map(String.init)
    guard words.count == 2, words[0] == "installed" else { return .missing }
    return DebianVersion(words[1]) < DebianVersion(oldest) ? .old(words[1]) : nil
  }
}
