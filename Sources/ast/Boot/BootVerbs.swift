import ArgumentParser
import Boot
import Host
import SystemPackage

/// What the units of a booted system call.

struct BootComplete: Verb {
  static let configuration = CommandConfiguration(
    commandName: "boot-complete", abstract: "Record that this machine came up", shouldDisplay: false)

  @OptionGroup var global: GlobalOptions

  func perform(in context: Context) throws -> Report {
    let report = try context.store.completeBoot(.current())
    try MessageOfTheDay.boot.set(report.messageOfTheDay)
    return Report(text: report.sentence, data: ["message": report.sentence])
  }
}

struct BootCheck: Verb {
  static let configuration = CommandConfiguration(
    commandName: "boot-check", abstract: "Run the checks of this boot", shouldDisplay: false)

  @OptionGroup var global: GlobalOptions

  func perform(in context: Context) throws -> Report {
    let checks = HealthChecks(in: HealthChecks.directory)
    guard let failure = checks.firstFailure(showing: .standardError) else {
      return Report(text: "", data: ["checks": checks.programs.count])
    }
    if try mustRestart(because: failure, context) {
      context.output.warn("restarting the machine")
      try restartMachine()
    } else {
      try MessageOfTheDay.boot.set("This boot is not good: \(failure).\n")
    }
    throw AstError(.failed, failure)
  }

  /// Notes why. Where even that fails, a deployment that has yet to prove itself does not get the benefit of the doubt.
  private func mustRestart(because failure: String, _ context: Context) throws -> Bool {
    let parameters = try BootParameters.current()
    do {
      return try context.store.failBoot(failure, parameters)
    } catch {
      context.output.warn(AstError(error).message)
      return parameters.isTry
    }
  }
}

struct BootFailed: Verb {
  static let configuration = CommandConfiguration(
    commandName: "boot-failed", abstract: "Record why this machine did not come up", shouldDisplay: false)

  @OptionGroup var global: GlobalOptions
  @Argument(help: "The reason.") var reason: String

  func perform(in context: Context) throws -> Report {
    let isNoted = try context.store.failBoot(reason, .current())
    return Report(text: "", data: ["noted": isNoted])
  }
}
