import FoundationEssentials
import Host
import Sandbox
import SystemFiles
import SystemPackage

/// Gives a node's root the files that let it boot as a deployment, and ast itself. Files that are already correct are
/// not touched.
///
/// - Returns: whether anything was made or replaced.
/// - Throws: `AstError`.
@discardableResult
public func installSystemFiles(into root: FilePath) throws -> Bool {
  let directory = RootDirectory(root)
  let program = try Files.contents(of: "/proc/self/exe")
  let changes =
    try SystemFile.all.map { file in
      try explaining(file.path) {
        switch file.kind {
        case .file(let content): try directory.install(Data(content), mode: 0o644, at: file.path)
        case .configuration(let content): try directory.installOnce(Data(content), mode: 0o644, at: file.path)
        case .program(let content): try directory.install(Data(content), mode: 0o755, at: file.path)
        case .link(let target): try directory.installLink(to: target, at: file.path)
        }
      }
    } + [explaining("/usr/sbin/ast") { try directory.install(program, mode: 0o755, at: "/usr/sbin/ast") }]
  return changes.contains(true)
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
