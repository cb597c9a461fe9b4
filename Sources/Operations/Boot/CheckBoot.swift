import Host
import Store
import SystemPackage

/// `boot-check`: runs the checks of this boot, and decides what a failure leads to.
extension Store {
  /// Runs the checks. If one fails, or the first start was not completed, restarts the machine, provided that leads to another deployment in the end;
  /// otherwise tells the users at login.
  ///
  /// - Parameter messages: where the output of the checks goes.
  /// - Returns: how many checks there are.
  /// - Throws: `AstError` if a check has failed; the machine may be about to restart then.
  public func checkBoot(
    _ checks: HealthChecks = HealthChecks(in: HealthChecks.directory), after firstStart: FirstStart = FirstStart(),
    showing messages: FileDescriptor
  ) throws -> Int {
    guard let failure = try etcFailure() ?? failure(of: firstStart) ?? checks.firstFailure(showing: messages) else {
      return checks.programs.count
    }
    if try mustRestart(because: failure) {
      warn("restarting the machine")
      try restartMachine()
    } else {
      try MessageOfTheDay.boot.set("This boot is not good: \(failure).\n")
    }
    throw AstError(.failed, failure)
  }

  /// Why the first start is not over; nil if it is.
  private func failure(of firstStart: FirstStart) -> String? {
    do {
      guard try firstStart.isPending else { return nil }
      return "/var lacks directories of packages; `journalctl -b -u ast-var` tells which"
    } catch {
      return AstError(error).message
    }
  }

  /// Records why this boot is not good. If even that fails, a deployment that has not been marked good does not get the
  /// benefit of the doubt.
  private func mustRestart(because failure: String) throws -> Bool {
    let parameters = try BootParameters.current()
    do {
      return try failBoot(failure, parameters)
    } catch {
      warn(AstError(error).message)
      return parameters.isTry
    }
  }
}
