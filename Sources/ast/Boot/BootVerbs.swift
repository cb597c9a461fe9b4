import ArgumentParser
import Boot
import SystemPackage

/// The units of a booted system call this verb, and the next two.
struct BootComplete: Verb {
  static let configuration = CommandConfiguration(
    commandName: "boot-complete", abstract: "Record that this machine came up", shouldDisplay: false)

  @OptionGroup var global: GlobalOptions

  func perform(in context: Context) throws -> Report {
    let report = try context.store.recordBoot()
    return Report(text: report.sentence, data: ["message": report.sentence])
  }
}

struct BootCheck: Verb {
  static let configuration = CommandConfiguration(
    commandName: "boot-check", abstract: "Run the checks of this boot", shouldDisplay: false)

  @OptionGroup var global: GlobalOptions

  func perform(in context: Context) throws -> Report {
    Report(text: "", data: ["checks": try context.store.checkBoot(showing: .standardError)])
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
