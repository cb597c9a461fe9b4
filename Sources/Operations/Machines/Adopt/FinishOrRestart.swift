import Boot
import Glibc
import Host

/// `adopt --finish`, which ast-adopt.service runs at the first start of a deployment.
extension Adoption {
  /// Finishes the adoption. If that is not possible, restarts the machine into the old system, and does not return.
  ///
  /// - Throws: `AstError`: the adoption could not be finished, and the machine is not restarted.
  public func finishOrRestart(progress: (String) -> Void, warn: (String) -> Void) throws {
    guard case .takenBack(let reason) = try finish(progress: progress) else { return }
    warn("\(reason): the adoption is taken back")
    guard root == "/" else { throw AstError(.failed, reason) }
    warn("restarting the machine into \"Debian before ast\"")
    try restartMachine()
    // The units that are ordered after this one must not start.
    while true { pause() }
  }
}
