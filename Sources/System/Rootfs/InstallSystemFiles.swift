import DebianFormats
import FoundationEssentials
import Glibc
import Host
import Sandbox
import SystemFiles
import SystemPackage

/// Gives a node's root the files that let it boot as a deployment, and ast itself. Files that are already correct are
/// not touched.
///
/// - Parameter hasPrograms: whether the root has the programs of this ast from a package, and keeps them.
/// - Returns: whether anything was made or replaced.
/// - Throws: `AstError`.
@discardableResult
public func installSystemFiles(into root: FilePath, hasPrograms: Bool = false) throws -> Bool {
  let directory = RootDirectory(root)
  let dkms = PackageState.dkmsConfiguration
  // Not in the Debian package of ast, which a node can be without.
  let isNew =
    try directory.status(ofName: PackageState.sysimage) != nil
    && explaining(dkms.path) { try directory.install(Data(dkms.text.utf8), mode: 0o644, at: dkms.path) }
  let changes =
    try SystemFile.all.map { file in
      try explaining(file.path) { try file.install(in: directory) }
    }
  if hasPrograms { return changes.contains(true) || isNew }
  let programs = try OwnPrograms()
  let own = [(programs.ast, OwnPrograms.astPlace), (programs.start, OwnPrograms.startPlace)]
  return try own.map { program, place in
    try explaining(place) { try directory.install(Files.contents(of: program), mode: 0o755, at: place) }
  }.contains(true) || changes.contains(true) || isNew
}

extension SystemFile {
  /// Makes the file in a root, and returns whether it was made or replaced.
  ///
  /// - Throws: `FileError`.
  package func install(in root: RootDirectory) throws -> Bool {
    switch kind {
    case .file(let content): try root.install(Data(content), mode: 0o644, at: path)
    case .configuration(let content): try root.installOnce(Data(content), mode: 0o644, at: path)
    case .program(let content): try root.install(Data(content), mode: 0o755, at: path)
    case .link(let target): try root.installLink(to: target, at: path)
    }
  }
}

/// The programs of this ast: the one that runs, and the first program of a start, `ast-init`.
package struct OwnPrograms {
  /// The place of ast in a node.
  package static let astPlace: FilePath = "/usr/sbin/ast"
  /// The place of the first program of a start in a node: the boot menu names it.
  package static let startPlace: FilePath = "/usr/lib/ast/init"
  /// The name by which that program finds ast.
  package static let mergePlace: FilePath = "/usr/lib/ast/merge"

  /// The path of ast.
  package let ast: FilePath
  /// The path of the other one.
  package let start: FilePath

  /// Finds them: the second one is at its place in an installed system, and beside ast where it was built.
  package init() throws {
    ast = "/proc/self/exe"
    let real = try FileManager.default.destinationOfSymbolicLink(atPath: ast.string)
    let beside = FilePath(real).removingLastComponent().appending("ast-init")
    start = access(beside.string, X_OK) == 0 ? beside : Self.startPlace
    guard access(start.string, X_OK) == 0 else {
      throw AstError(
        .failed, "\(start), a part of ast, is missing", state: .unchanged,
        hint: "install ast anew; in a build directory, `swift build --product ast-init` makes it")
    }
  }
}

private func explaining(_ path: FilePath, _ step: () throws -> Bool) throws -> Bool {
  do {
    return try step()
  } catch let error as FileError where error.errno == .noSpace {
    throw AstError.noSpaceLeft("\(path)")
  } catch let error as FileError {
    throw AstError(.failed, "cannot install \(path) in the node: \(error.errno)")
  }
}
