import Glibc
import Settings
import SystemPackage

/// A directory of programs that the administrator provides, chosen as run-parts(8) chooses them.
package struct ExecutableDirectory {
  /// The executable regular files with a valid ``HookName``, in the order of their names. Links are followed.
  package let programs: [FilePath]

  /// The programs in the directory at `path`; none if it cannot be read.
  package init(_ path: FilePath) {
    let names = (try? Files.names(in: path)) ?? []
    programs = names.filter(HookName.isValid).sorted().map(path.appending).filter(Self.isProgram)
  }

  private static func isProgram(_ file: FilePath) -> Bool {
    var status = stat()
    return stat(file.string, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(file.string, X_OK) == 0
  }
}
