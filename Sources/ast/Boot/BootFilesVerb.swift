import ArgumentParser
import Boot
import Host
import SnapshotTree

struct BootFilesVerb: Verb {
  static let configuration = CommandConfiguration(
    commandName: "boot-files", abstract: "Show the boot loader on the EFI system partition, or renew it",
    discussion: """
      A deployment brings its own shim and GRUB, signed by Debian. When it has started well, ast replaces those that \
      the firmware starts, if they are Debian's, too. `--renew` does it at once, and also where they are missing.
      """)
  static var needs: Need { .freeing }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Flag(help: "Bring the default deployment's shim and GRUB there.") var renew = false

  func perform(in context: Context) throws -> Report {
    let report = try context.store.bootFiles(renewing: renew, note: context.output.note)
    let failure = renew ? report.renewalFailure : nil
    if let failure, report.partitions.allSatisfy(\.renewed.isEmpty) { throw failure }
    return Report(
      text: Self.text(report), data: BootFilesData(report), status: failure?.exitStatus ?? 0, error: failure)
  }

  private static func text(_ report: BootFilesReport) -> String {
    let secure = report.isSecure.map { $0 ? "on" : "off" } ?? (report.isEFI ? "unknown" : "this start was not by EFI")
    var lines = [("Secure Boot", secure)]
    if let entry = report.entry {
      lines.append(("Started by", "\(Printable.line(entry.title)): \(Printable.line(entry.program ?? "a device"))"))
    }
    lines += report.deploymentGenerations.map { ("Deployment", "\($0.program): \(Printable.line($0.generations))") }
    if let failure = report.deploymentFailure { lines.append(("Deployment", failure.reason)) }
    if let key = report.moduleKey { lines.append(("Module key", "\(key.certificate): \(words(key.state))")) }
    lines += report.refusedModules.map { module in
      ("Module", "\(Printable.line(module.path.string)): does not load under Secure Boot: \(words(module.reason))")
    }
    for partition in report.partitions { lines += Self.lines(of: partition) }
    if report.partitions.isEmpty {
      lines.append(("Partition", "the deployment's /etc/fstab names no EFI system partition"))
    }
    return Status.table(lines)
  }

  private static func lines(of partition: BootFilesReport.Partition) -> [(String, String)] {
    let space = partition.space.map { ": \(Quantity.bytes($0.free)) free of \(Quantity.bytes($0.size))" } ?? ""
    var lines = [("Partition", "\(partition.mountPoint) (\(Printable.line(partition.source)))\(space)")]
    lines += partition.files.map { file in
      let name = Printable.line(file.place.string)
      let renewed = partition.renewed.contains(file.place) ? ", renewed" : ""
      return ("File", "\(name): \(words(file))\(renewed)")
    }
    lines += partition.missing.map { ("File", "\($0): missing") }
    if let failure = partition.failure { lines.append(("Failure", Printable.line(failure.message))) }
    return lines
  }

  private static func words(_ state: ModuleKeyReport.State) -> String {
    switch state {
    case .known: "known to the firmware's shim"
    case .requested: "shim asks for it at the next start"
    case .unknown: "not known to the firmware's shim"
    }
  }

  private static func words(_ reason: RefusedModule.Reason) -> String {
    switch reason {
    case .unsigned: "it has no signature"
    case .unknownKey: "the key is not known"
    }
  }

  private static func words(_ file: BootFilesReport.File) -> String {
    let owner =
      switch file.owner {
      case .debian: "Debian's"
      case .ast: "the GRUB of an older ast, not signed"
      case .other: "not Debian's"
      case nil: "a text"
      }
    let generations = file.generations.isEmpty ? "" : " (\(Printable.line(file.generations)))"
    let state =
      switch (file.isCurrent, file.reason) {
      case (false, let reason?): "; stays, because \(reason)"
      case (false, nil): "; the deployment has another one"
      default: ""
      }
    return owner + generations + state
  }
}

/// The report as `--json` shows it.
private struct BootFilesData: Encodable {
  private struct Entry: Encodable {
    let title: String
    @Nullable var program: String?
  }

  private struct Module: Encodable {
    let path: String
    let reason: String
  }

  private struct Program: Encodable {
    let program: String
    let generations: String
  }

  private struct File: Encodable {
    let path: String
    @Nullable var owner: String?
    let generations: String
    @Nullable var current: Bool?
    @Nullable var reason: String?
  }

  private struct Partition: Encodable {
    let mountPoint: String
    let source: String
    @Nullable var size: Int64?
    @Nullable var free: Int64?
    let files: [File]
    let missing: [String]
    let renewed: [String]
    @Nullable var failure: String?
  }

  private let efi: Bool
  @Nullable private var secureBoot: Bool?
  @Nullable private var entry: Entry?
  @Nullable private var deployment: DeploymentID?
  private let programs: [Program]
  @Nullable private var failure: String?
  @Nullable private var moduleKey: ModuleKeyReport?
  private let refusedModules: [Module]
  private let partitions: [Partition]

  init(_ report: BootFilesReport) {
    efi = report.isEFI
    programs = report.deploymentGenerations.map { Program(program: $0.program, generations: $0.generations) }
    refusedModules = report.refusedModules.map { Module(path: $0.path.string, reason: $0.reason.rawValue) }
    partitions = report.partitions.map { partition in
      Partition(
        mountPoint: partition.mountPoint.string, source: partition.source, size: partition.space?.size,
        free: partition.space?.free,
        files: partition.files.map { file in
          File(
            path: file.place.string, owner: file.owner?.rawValue, generations: file.generations,
            current: file.isCurrent, reason: file.reason)
        }, missing: partition.missing.map(\.string), renewed: partition.renewed.map(\.string),
        failure: partition.failure?.message)
    }
    moduleKey = report.moduleKey
    secureBoot = report.isSecure
    entry = report.entry.map { Entry(title: $0.title, program: $0.program) }
    deployment = report.deployment
    failure = report.deploymentFailure?.message
  }
}
