import DebianFormats
import Host
import Store
import SystemPackage

/// Whose a program on an EFI system partition is.
public enum LoaderOwner: String, Sendable {
  /// A part of Debian's signed boot loader.
  case debian
  /// The GRUB that an older ast made for this file system; it has no signature.
  case ast
  /// Something else: ast leaves it alone.
  case other

  init(of content: [UInt8], fileSystem: String) {
    let program = EFIProgram(content)
    if let program, program.isSigned, program.generations.areOfDebian {
      self = .debian
    } else if program?.isSigned == false, content.firstRange(of: Self.mark(fileSystem)) != nil {
      self = .ast
    } else {
      self = .other
    }
  }

  /// The script that was put into that GRUB.
  private static func mark(_ fileSystem: String) -> [UInt8] {
    Array("search.fs_uuid \(fileSystem) root\nset prefix=($root)/\(Machine.grub)\n".utf8)
  }
}

/// The steps that bring the boot loader of a root to an EFI system partition: each replaces a file, or leaves one as it
/// is for a reason.
struct LoaderPlan {
  /// How much is brought.
  enum Extent {
    /// The whole loader.
    case everything
    /// New versions of what is there and Debian's.
    case whatIsThere
  }

  /// A file that stays as it is.
  struct Kept: Equatable {
    let place: FilePath
    let reason: String
  }

  /// The files to write, in this order.
  private(set) var written: [LoaderChain.File] = []
  /// The files that stay although the root has others.
  private(set) var kept: [Kept] = []
  /// The GRUB of an older ast, which is kept beside; nil if there is none.
  private(set) var replaced: [UInt8]?

  /// The place of the GRUB of an older ast, after its own place was given to shim.
  static let olderPlace: FilePath = "EFI/ast/grub.efi"

  /// Makes the plan, and changes nothing.
  ///
  /// - Parameter other: the UUID of another file system from which GRUB may come to the menu: that of a /boot from before
  ///   ast.
  /// - Parameter present: reads a file of the partition.
  /// - Throws: `AstError` (refused) if the loader that is there belongs to another file system.
  init(
    _ chain: LoaderChain, _ extent: Extent, fileSystem: String, or other: String? = nil,
    reading present: (FilePath) throws -> [UInt8]?
  ) throws {
    try Self.requireOwnConfiguration(fileSystem, other, present)
    let first = chain.files.last { $0.directory == .removable && $0.program == .shim }
    let starter = try first.flatMap { try present($0.place) }
    let starterOwner = starter.map { LoaderOwner(of: $0, fileSystem: fileSystem) }
    for file in chain.files {
      if file.directory == .removable, file.place != first?.place, starterOwner == .other { continue }
      guard let content = try file.place == first?.place ? starter : present(file.place) else {
        if extent == .everything { written.append(file) }
        continue
      }
      guard content != file.content else { continue }
      // What GRUB reads was found to be right, and the entries may be of a package.
      guard let program = file.program else { continue }
      let owner = LoaderOwner(of: content, fileSystem: fileSystem)
      switch owner {
      case .debian:
        let lower = file.generations.partsLower(than: EFIProgram(content)?.generations ?? BootGenerations([]))
        guard lower.isEmpty else {
          keep(file, "the deployment's has a lower generation of \(lower.joined(separator: ", "))")
          continue
        }
        written.append(file)
      case .ast where program == .shim && file.directory == .removable && extent == .everything:
        replaced = content
        written.append(file)
      case .ast: keep(file, "it is the GRUB that an older ast made, without a signature")
      case .other: keep(file, "it is not Debian's")
      }
    }
  }

  private mutating func keep(_ file: LoaderChain.File, _ reason: String) {
    kept.append(Kept(place: file.place, reason: reason))
  }

  private static func requireOwnConfiguration(
    _ fileSystem: String, _ other: String?, _ present: (FilePath) throws -> [UInt8]?
  ) throws {
    let place = SignedLoader.configurationPlace
    guard let content = try present(place) else { return }
    let found = SignedLoader.fileSystem(ofConfiguration: String(decoding: content, as: UTF8.self))
    guard found != fileSystem, found == nil || found != other else { return }
    let words = found.map { "leads to the file system \($0)" } ?? "is not one that leads to a file system"
    throw AstError(
      .refused, "\(place) on the EFI system partition \(words), and ast's menu is on \(fileSystem)", state: .unchanged,
      hint: "if nothing else starts with it, remove that file and run `ast boot-files --renew`")
  }
}
