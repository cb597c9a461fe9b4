import ArgumentParser
import AstKit
import FoundationEssentials
import Glibc
import SystemPackage

struct BootstrapVerb: Verb {
  static let configuration = CommandConfiguration(
    commandName: "bootstrap", abstract: "Make a disk that starts, with a store and a first system on it",
    discussion: """
      The disk has GRUB for BIOS and EFI. It is a new file (`--image`) or a disk of this machine (`--disk`), which is \
      erased.
      """)
  static var needs: Need { .root }
  static var mounts: Bool { true }

  @OptionGroup var global: GlobalOptions
  @OptionGroup var target: BootstrapTarget
  @OptionGroup var source: BootstrapSource
  @OptionGroup var system: BootstrapSystem

  func perform(in context: Context) throws -> Report {
    let questions = BootstrapQuestions(source: source, system: system, isAsked: Confirmation.isAsked(global))
    let bootstrap = Bootstrap(
      target.value, from: questions.source, kernel: questions.kernel, packages: questions.packages,
      answers: try questions.answers())
    if !bootstrap.answers.letsSomebodyIn {
      context.output.warn("nobody can log in to this system: give --root-password, --user or --ssh-key")
    }
    try target.confirm(global)
    try bootstrap.run(command: context.command, messages: .standardError, progress: context.output.note)
    return Report(text: "System made on \(target.name), with node 1.", data: ["target": target.name])
  }
}

/// Where the system goes.
struct BootstrapTarget: ParsableArguments {
  @Option(help: ArgumentHelp("Make the disk in this new file.", valueName: "file")) var image: String?
  @Option(help: ArgumentHelp("The size of the disk in the file, which is sparse.", valueName: "size"))
  var size: ByteSize = ByteSize(bytes: 12 << 30)
  @Flag(help: "Replace a file that is there.") var force = false
  @Option(help: ArgumentHelp("Erase this disk and use it.", valueName: "device")) var disk: String?

  func validate() throws {
    guard (image == nil) != (disk == nil) else { throw ValidationError("one of --image and --disk is needed") }
  }

  /// What the user calls it.
  var name: String { image ?? disk ?? "" }

  var value: Bootstrap.Target {
    if let disk { return .disk(FilePath(disk)) }
    return .image(FilePath(name), size: size.bytes, replacing: force)
  }

  /// Asks before a disk is erased: its name is to be typed.
  func confirm(_ options: GlobalOptions) throws {
    guard let disk else { return }
    let found = try BlockDisk(FilePath(disk))
    FileDescriptor.standardError.tell(found.words)
    if options.yes { return }
    guard Confirmation.isAsked(options) else {
      throw AstError(
        .usage, "this needs a yes, and there is no terminal to ask on; nothing was changed", hint: "say `-y`")
    }
    _ = try FileDescriptor.standardError.writeAll("All of it will be lost. Type \(disk) to go on: ".utf8)
    guard readLine() == disk else { throw AstError(.refused, "that is not its name; nothing was changed") }
  }
}

extension BlockDisk {
  /// What is told about it.
  fileprivate var words: String {
    let lines = parts.map { part in
      let content = [part.fileSystem, part.label].compactMap(\.self).joined(separator: " ")
      return "  \(part.path)  \(Quantity.bytes(part.size))  \(Printable.line(content))"
    }
    let title = "\(path): \(model.map(Printable.line) ?? "a disk"), \(Quantity.bytes(size))"
    return ([title] + (lines.isEmpty ? ["  no partitions"] : lines)).joined(separator: "\n")
  }
}
