import Glibc
import SystemPackage

extension RootDirectory {
  /// A name in a directory.
  public struct Entry: Sendable, Hashable {
    /// The name.
    public let name: String
    /// Whether it is a directory; a symbolic link is not.
    public let isDirectory: Bool
  }

  /// The paths of everything below a directory that is not a directory itself, in the order of their names; none if the
  /// directory does not exist.
  ///
  /// - Throws: `FileError`.
  package func files(below directory: FilePath) throws -> [FilePath] {
    try entries(of: directory).flatMap { entry in
      let path = directory.appending(entry.name)
      return entry.isDirectory ? try files(below: path) : [path]
    }
  }

  /// The entries of a directory, by name; none if it does not exist. Names that are not UTF-8 are left out.
  ///
  /// - Throws: `FileError`.
  public func entries(of directory: FilePath) throws -> [Entry] {
    try attempt("list", directory) {
      guard let descriptor = try open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) else { return [] }
      guard let stream = fdopendir(descriptor.rawValue) else {
        let error = Errno(rawValue: errno)
        try? descriptor.close()
        throw error
      }
      defer { closedir(stream) }
      var entries: [Entry] = []
      errno = 0
      while let found = readdir(stream) {
        let name = withUnsafePointer(to: &found.pointee.d_name) { name in
          name.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(validatingCString: $0) }
        }
        if let name, name != ".", name != ".." {
          entries.append(Entry(name: name, isDirectory: Int32(found.pointee.d_type) == Int32(DT_DIR)))
        }
        errno = 0
      }
      guard errno == 0 else { throw Errno(rawValue: errno) }
      return entries.sorted { $0.name < $1.name }
    }
  }
}
