import DebianFormats
import FoundationEssentials
import Glibc
import Host
import Store
import SystemPackage

/// Debian's signed boot loader as a root has it: the files that are to be on an EFI system partition.
public struct LoaderChain: Sendable {
  /// A file for the partition.
  public struct File: Sendable {
    /// Its place, from the top of the partition.
    public let place: FilePath
    /// Its content.
    public let content: [UInt8]
    /// The directory it is in.
    package let directory: SignedLoader.Directory
    /// The program; nil for a text.
    let program: SignedLoader.Program?
    /// The generations of the program.
    let generations: BootGenerations
  }

  /// The files in the order in which they are written: what a new one of them needs comes before it.
  public let files: [File]

  /// The loader in a root.
  ///
  /// - Parameters:
  ///   - owner: the name of the root, for the error.
  ///   - menu: the place of the boot menu.
  /// - Throws: `AstError` (refused) if the root has no signed loader.
  package init(
    in root: RootDirectory, of owner: String, for architecture: DebianArchitecture, leadingTo menu: LoaderPlace
  ) throws {
    let loader = SignedLoader(for: architecture)
    var programs: [SignedLoader.Program: (content: [UInt8], generations: BootGenerations)] = [:]
    for program in SignedLoader.Program.allCases {
      programs[program] = try Self.read(loader.source(of: program), in: root, of: owner, architecture)
    }
    var files: [File] = []
    for directory in SignedLoader.Directory.allCases {
      for program in SignedLoader.Program.allCases {
        if directory == .debian, program == .grub {
          let text = SignedLoader.configuration(fileSystem: menu.fileSystem, directory: menu.directory.string)
          files.append(Self.text(loader.entries, at: loader.entriesPlace))
          files.append(Self.text(Array(text.utf8), at: SignedLoader.configurationPlace))
        }
        guard let (content, generations) = programs[program] else { continue }
        files.append(
          File(
            place: loader.place(of: program, in: directory), content: content, directory: directory, program: program,
            generations: generations))
      }
    }
    self.files = files
  }

  private static func text(_ content: [UInt8], at place: FilePath) -> File {
    File(place: place, content: content, directory: .debian, program: nil, generations: BootGenerations([]))
  }

  /// The most bytes of a program: several times those of the largest.
  static let largestProgram = 32 << 20

  private static func read(
    _ path: FilePath, in root: RootDirectory, of owner: String, _ architecture: DebianArchitecture
  ) throws -> (content: [UInt8], generations: BootGenerations) {
    func refusal(_ reason: String) -> AstError {
      let packages = architecture.signedLoaderPackages.joined(separator: " ")
      return AstError(
        .refused, "\(owner) has no signed boot loader: \(reason)", state: .unchanged,
        hint: "it is in the packages \(packages)")
    }
    guard let size = try root.size(of: path) else { throw refusal("there is no \(path)") }
    guard size <= largestProgram, let content = try root.beginning(of: path, count: largestProgram),
      let program = EFIProgram(Array(content)), program.isSigned, program.generations.areOfDebian
    else { throw refusal("\(path) is not a program that Debian has signed") }
    return (Array(content), program.generations)
  }
}
