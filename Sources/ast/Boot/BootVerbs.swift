import ArgumentParser
import Boot
import Glibc
import Host
import Machines
import Rootfs
import SnapshotTree
import SystemPackage
import Upkeep

/// The first program of a deployment's start calls this verb, with a store that only it has mounted.
struct BootEtc: Verb {
  static let configuration = CommandConfiguration(
    commandName: "boot-etc", abstract: "Bring the /etc of a deployment that starts up to date", shouldDisplay: false)
  static var needs: Need { .root }
  static var mounts: Bool { true }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: "The deployment.") var deployment: DeploymentID

  func perform(in context: Context) throws -> Report {
    Report(text: "", data: ["deployment": "\(deployment)"], status: try Self.run(deployment, in: global.root))
  }

  private static func run(_ deployment: DeploymentID, in store: FilePath) throws -> Int32 {
    let report = StartReport(of: deployment, in: store)
    try report.announce()
    return report.failure == nil ? 0 : 1
  }

  /// Does the same for the words of the first program of a start, `ast --store STORE boot-etc DEPLOYMENT`, without the
  /// parser of the command line: it takes three quarters of the time of a start with nothing to merge.
  ///
  /// - Returns: the exit status; nil if the words are others.
  static func run(atStart words: [String]) throws -> Int32? {
    guard words.count == 5, words[1] == "--store", words[3] == configuration.commandName,
      let number = DeploymentID(words[4]),
      geteuid() == 0, access("/run/ast/sandbox", F_OK) != 0
    else { return nil }
    BrokenPipe.makeWritesFail()
    return try run(number, in: FilePath(words[2]))
  }
}

/// The units of a booted system call this verb, and the following ones.
struct BootComplete: Verb {
  static let configuration = CommandConfiguration(
    commandName: "boot-complete", abstract: "Record that this machine came up", shouldDisplay: false)
  static var needs: Need { .freeing }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions

  func perform(in context: Context) throws -> Report {
    let report = try context.store.recordBoot()
    return Report(text: report.sentence, data: ["message": report.sentence])
  }
}

struct BootCheck: Verb {
  static let configuration = CommandConfiguration(
    commandName: "boot-check", abstract: "Run the checks of this boot", shouldDisplay: false)

  @OptionGroup(title: HelpText.general) var global: GlobalOptions

  func perform(in context: Context) throws -> Report {
    try context.store.publishRunning()
    do {
      return Report(text: "", data: ["checks": try context.store.checkBoot(showing: .standardError)])
    } catch let failure as AstError {
      do { try context.store.sendMail(aboutBoot: failure.message) } catch {
        context.output.warn(AstError(error).message)
      }
      throw failure
    }
  }
}

struct BootFailed: Verb {
  static let configuration = CommandConfiguration(
    commandName: "boot-failed", abstract: "Record why this machine did not come up", shouldDisplay: false)
  static var needs: Need { .freeing }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: "The reason.") var reason: String

  func perform(in context: Context) throws -> Report {
    let isNoted = try context.store.failBoot(reason, .current())
    return Report(text: "", data: ["noted": isNoted])
  }
}

struct BootResumed: Verb {
  static let configuration = CommandConfiguration(
    commandName: "boot-resumed", abstract: "Take back the tries that were counted for a resume", shouldDisplay: false)
  static var needs: Need { .freeing }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions

  func perform(in context: Context) throws -> Report {
    let renewed = try context.store.renewTries()
    return Report(text: "", data: ["renewed": renewed])
  }
}

struct BootVar: Verb {
  static let configuration = CommandConfiguration(
    commandName: "boot-var", abstract: "Give /var what a new deployment needs", shouldDisplay: false)
  static var needs: Need { .root }
  static var mounts: Bool { true }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Option(help: ArgumentHelp(visibility: .hidden)) var root = "/"

  func perform(in context: Context) throws -> Report {
    try Adoption(FilePath(root), command: context.command, reader: .files).shareState(progress: context.output.note)
    guard let seeded = try FirstStart(of: FilePath(root)).run(progress: context.output.note) else {
      return Report(text: "", data: SeededVar())
    }
    for obstacle in seeded.obstacles { context.output.note(obstacle.sentence) }
    guard seeded.missing.isEmpty else {
      let names = seeded.missing.map { Printable.line($0.string) }.joined(separator: ", ")
      throw AstError(
        .failed, "/var lacks directories of packages: \(names)",
        hint: "remove what is in their way, and `systemctl restart ast-var`")
    }
    let names = seeded.added.map { "added \(Printable.line($0.string))" }
    return Report(text: names.joined(separator: "\n"), data: seeded)
  }
}

struct BootStop: Verb {
  static let configuration = CommandConfiguration(
    commandName: "boot-stop", abstract: "Bring changes in /etc to the deployment that starts next", shouldDisplay: false
  )
  static var mounts: Bool { true }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions

  func perform(in context: Context) throws -> Report {
    let report = try context.store.bringEtcAtStop()
    let sentences = report?.sentences ?? []
    return Report(
      text: sentences.joined(separator: "\n"), data: ["sentences": sentences])
  }
}

struct BootProducts: Verb {
  static let configuration = CommandConfiguration(
    commandName: "boot-products", abstract: "Make what programs make of files in /etc", shouldDisplay: false)
  static var needs: Need { .root }
  static var mounts: Bool { true }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Option(help: ArgumentHelp(visibility: .hidden)) var root = "/"

  func perform(in context: Context) throws -> Report {
    let made = try ProductsAtStart(of: FilePath(root)).make(
      showing: .standardError, progress: context.output.note)
    return Report(text: "", data: ["made": made.map(\.name)])
  }
}
