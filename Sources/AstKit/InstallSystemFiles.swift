import FoundationEssentials
import Sandbox
import SystemFiles
import SystemPackage

/// Gives a node's root the files that let it boot as a deployment, and ast itself. What is there already as it should be
/// is not touched.
///
/// - Throws: `AstError`.
public func installSystemFiles(into root: FilePath) throws {
  let directory = RootDirectory(root)
  for file in SystemFile.all {
    try explaining(file.path) {
      switch file.kind {
      case .file(let content): try directory.install(Data(content), mode: 0o644, at: file.path)
      case .program(let content): try directory.install(Data(content), mode: 0o755, at: file.path)
      case .link(let target): try directory.installLink(to: target, at: file.path)
      }
    }
  }
  let program: FilePath = "/usr/sbin/ast"
  try explaining(program) {
    try directory.install(Data(contentsOf: URL(filePath: "/proc/self/exe")), mode: 0o755, at: program)
  }
}

private func explaining(_ path: FilePath, _ step: () throws -> Void) throws {
  do {
    try step()
  } catch Errno.noSpace {
    throw AstError.noSpaceLeft("\(path)")
  } catch let error as Errno {
    throw AstError(.failed, "cannot install \(path) in the node: \(error)")
  }
}
