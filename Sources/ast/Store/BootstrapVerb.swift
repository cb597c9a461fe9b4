import ArgumentParser
import FoundationEssentials
import Glibc
import Host
import Machines
import SystemPackage
import TOMLFiles

struct BootstrapVerb: Verb {
  static let configuration = CommandConfiguration(
    commandName: "bootstrap", abstract: "Make a bootable disk with a store and a first system",
    discussion: """
      The disk has GRUB for BIOS and EFI. It is a new file (`--image`) or a disk of this machine (`--disk`), which is \
      erased.
      """)
  static var needs: Need { .root }
  static var mounts: Bool { true }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @OptionGroup var target: BootstrapTarget
  @OptionGroup var source: BootstrapSource
  @OptionGroup var system: BootstrapSystem

  func perform(in context: Context) throws -> Report {
    let file = try answers()
    let target = try target.target(file)
    let questions = BootstrapQuestions(source, system, file, isAsked: Confirmation.isAsked(global))
    let encryption = try questions.passphrase(for: self.target)
    let bootstrap = Bootstrap(
      target, from: questions.source, kernel: questions.kernel, packages: questions.packages,
      aptOptions: source.aptOption, answers: try questions.answers(),
      bootPartition: try self.target.bootPartition(file),
      encryption: encryption, version: Version.text)
    if !bootstrap.answers.letsSomebodyIn {
      context.output.warn("no user can log in to this system: use --root-password, --user or --ssh-key")
    }
    if case .disk(let disk) = target { try confirm(disk) }
    // The disk, the base, its packages and settings, GRUB, and the first deployment.
    let steps = StepView(context.output, expecting: 8)
    try bootstrap.run(
      command: context.command, reader: .files, messages: .standardError, progress: steps.show,
      warn: context.output.warn)
    return Report(text: "System made on \(target.path), with node 1.", data: ["target": target.path.string])
  }

  private func answers() throws -> BootstrapFile {
    guard let path = system.answers else { return BootstrapFile() }
    do {
      return try BootstrapFile(FilePath(path))
    } catch {
      throw AstError(.usage, "\(error)", state: .unchanged)
    }
  }

  /// Asks the user to type the name of a disk before it is erased.
  private func confirm(_ path: FilePath) throws {
    let disk = try BlockDisk(path)
    FileDescriptor.standardError.tell(disk.words)
    if global.yes { return }
    guard Confirmation.isAsked(global) else {
      throw AstError(
        .needsAnswer, "this needs confirmation, and there is no terminal", state: .unchanged, hint: "use `-y`")
    }
    _ = try FileDescriptor.standardError.writeAll("Everything on it will be lost. Type \(path) to continue: ".utf8)
    guard readLine() == path.string else {
      throw AstError(.refused, "the name does not match", state: .unchanged)
    }
  }
}

/// The options that choose the disk or the file of the new system.
struct BootstrapTarget: ParsableArguments {
  @Option(help: ArgumentHelp("Make the disk in this new file.", valueName: "file")) var image: String?
  @Option(help: ArgumentHelp("The size of the disk in the file, which is sparse (default: 12G).", valueName: "size"))
  var size: ByteSize?
  @Flag(help: "Replace an existing file.") var force = false
  @Option(help: ArgumentHelp("Erase this disk and use it.", valueName: "device")) var disk: String?
  @Option(
    help: ArgumentHelp("Keep kernels and the boot menu on an ext4 of this size, at least 256M.", valueName: "size"))
  var bootPartition: ByteSize?
  @Flag(help: "Encrypt the disk (LUKS2); each start asks for the passphrase.") var encrypt = false
  @Option(help: ArgumentHelp("The passphrase: the first line of this file.", valueName: "file"))
  var passphrase: String?

  func validate() throws {
    guard image == nil || disk == nil else { throw ValidationError("--image and --disk exclude each other") }
    guard passphrase == nil || encrypt else { throw ValidationError("--passphrase needs --encrypt") }
  }

  /// The target from these options, or else from the file of answers.
  func target(_ file: BootstrapFile) throws -> Bootstrap.Target {
    let isHere = (image ?? disk) != nil
    switch isHere ? (image, disk) : (file.image, file.disk) {
    case (let image?, nil): return .image(FilePath(image), size: try bytes(file), replacing: force)
    case (nil, let disk?): return .disk(FilePath(disk))
    default: throw AstError(.usage, "one of --image and --disk is needed", state: .unchanged)
    }
  }

  private func bytes(_ file: BootstrapFile) throws -> Int64 {
    if let size { return size.bytes }
    return try file.size.map(Self.bytes) ?? 12 << 30
  }

  /// The size of a partition for kernels and the menu in bytes; nil for none.
  func bootPartition(_ file: BootstrapFile) throws -> Int64? {
    try bootPartition?.bytes ?? file.bootPartition.map(Self.bytes)
  }

  private static func bytes(_ text: String) throws -> Int64 {
    guard let size = ByteSize(argument: text) else {
      throw AstError(.usage, "\(text) is not a size", state: .unchanged, hint: "an example is 12G")
    }
    return size.bytes
  }
}

extension Bootstrap.Target {
  /// The file or the device.
  fileprivate var path: FilePath {
    switch self {
    case .image(let path, _, _), .disk(let path): path
    }
  }
}

extension BlockDisk {
  /// The description of the disk and its partitions that the user sees before it is erased.
  fileprivate var words: String {
    let lines = parts.map { part in
      let content = [part.fileSystem, part.label].compactMap(\.self).joined(separator: " ")
      return "  \(part.path)  \(Quantity.bytes(part.size))  \(Printable.line(content))"
    }
    let title = "\(path): \(model.map(Printable.line) ?? "a disk"), \(Quantity.bytes(size))"
    return ([title] + (lines.isEmpty ? ["  no partitions"] : lines)).joined(separator: "\n")
  }
}
