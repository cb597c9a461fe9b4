import Etc
import FileTrees
import Glibc
import Host
import SystemPackage

/// The /etc of a root: what is in it, and the directory to get it from.
package struct EtcTree {
  /// The directory; nil where the root has none.
  let directory: OpenDirectory?
  /// What is in it. The identity of a file says which of the trees read together have the same bytes at its path.
  package let node: FileNode
  /// The accounts.
  let accounts: AccountDatabase

  /// Reads the /etc of several roots side by side. Contents are compared path by path and only where the sizes are
  /// equal: times and inode numbers prove nothing of a file that was changed in a snapshot, and few files are so large
  /// that it matters. What is mounted in a directory is not part of it.
  package static func read(_ roots: [FilePath]) throws -> [EtcTree] {
    let tops = try roots.map { root in
      let top = try OpenDirectory(root)
      if let status = try top.status(of: "etc"), status.st_mode & S_IFMT != S_IFDIR {
        throw AstError(.refused, "\(root.appending("etc")) is no directory", state: .unchanged)
      }
      return try top.directoryWithoutMounts("etc")
    }
    let nodes = try SideBySide().nodes(named: OpenDirectory.itself, in: tops)
    return try zip(tops, nodes).map { directory, node in
      EtcTree(
        directory: directory, node: node ?? FileNode(.directory([:]), FileAttributes(mode: 0o755)),
        accounts: try AccountDatabase(readIn: directory))
    }
  }
}

/// Walks several directories at the same time.
private struct SideBySide {
  private typealias Name = OpenDirectory.Name

  /// No path leads deeper (PATH_MAX, limits.h).
  private static let deepest = 2048

  /// What has a name in each of the directories.
  func nodes(named name: OpenDirectory.Name, in directories: [OpenDirectory?], depth: Int = 0) throws -> [FileNode?] {
    let found = try directories.map { directory in try directory?.status(of: name).map { (directory, $0) } }
    let files = found.map { found in found.flatMap { $1.st_mode & S_IFMT == S_IFREG ? $1 : nil } }
    let identities = try identities(of: name, files, in: directories)
    let inner = try inner(of: name, in: found, depth: depth)
    return try found.indices.map { index -> FileNode? in
      guard let (directory, status) = found[index], let directory else { return nil }
      let content: FileNode.Content? =
        switch status.st_mode & S_IFMT {
        case S_IFREG: .file(identity: identities[index])
        case S_IFLNK: try directory.target(of: name).map(FileNode.Content.link)
        case S_IFDIR: .directory(inner[index])
        default: .special(type: status.st_mode & S_IFMT, device: UInt64(status.st_rdev))
        }
      guard let content, let attributes = try directory.attributes(of: name, status) else { return nil }
      return FileNode(content, attributes)
    }
  }

  /// What is in those of the directories that have a directory of this name.
  private func inner(
    of name: Name, in found: [(OpenDirectory?, stat)?], depth: Int
  ) throws -> [[Name: FileNode]] {
    var children = found.map { _ in [Name: FileNode]() }
    let directories = try found.map { found -> OpenDirectory? in
      guard let (directory, status) = found, status.st_mode & S_IFMT == S_IFDIR else { return nil }
      return name == OpenDirectory.itself ? directory : try directory?.directory(name)
    }
    for name in Set(try directories.flatMap { try $0?.names() ?? [] }) {
      guard depth < Self.deepest else { throw AstError(.failed, "cannot read /etc: it is nested too deep") }
      let nodes = try nodes(named: name, in: directories, depth: depth + 1)
      for (index, node) in nodes.enumerated() { children[index][name] = node }
    }
    return children
  }

  /// Bytes for each file that are the same for the same contents: its size, and the number of the first tree that has
  /// these contents. Empty for what is no file.
  private func identities(of name: Name, _ files: [stat?], in directories: [OpenDirectory?]) throws -> [[UInt8]] {
    var origins = Array(files.indices)
    for index in files.indices {
      for earlier in 0..<index where origins[earlier] == earlier && origins[index] == index {
        guard let file = files[index], let other = files[earlier], file.st_size == other.st_size,
          let directory = directories[index], let otherDirectory = directories[earlier]
        else { continue }
        let isSameFile = file.st_dev == other.st_dev && file.st_ino == other.st_ino
        if try isSameFile || file.st_size == 0 || hasSameBytes(name, directory, otherDirectory) {
          origins[index] = earlier
        }
      }
    }
    return zip(files, origins).map { file, origin in
      guard let file else { return [] }
      return withUnsafeBytes(of: file.st_size.bigEndian) { Array($0) } + [UInt8(truncatingIfNeeded: origin)]
    }
  }

  private func hasSameBytes(_ name: Name, _ directory: OpenDirectory, _ other: OpenDirectory) throws -> Bool {
    guard let file = try directory.file(name) else { return false }
    defer { try? file.close() }
    guard let otherFile = try other.file(name) else { return false }
    defer { try? otherFile.close() }
    var start: Int64 = 0
    while true {
      let bytes = try directory.read(file, name, from: start)
      guard try bytes == other.read(otherFile, name, from: start) else { return false }
      guard !bytes.isEmpty else { return true }
      start += Int64(bytes.count)
    }
  }
}

extension AccountDatabase {
  /// Many times what the accounts of a large site come to.
  private static let largestFile: Int64 = 1 << 26

  /// Reads the account files of an /etc.
  ///
  /// - Throws: `AstError` where one is something else than a file: without its accounts nobody could log in.
  fileprivate init(readIn etc: OpenDirectory?) throws {
    var contents: [FilePath: [UInt8]] = [:]
    for file in Self.names {
      if let name = file.lastComponent { contents[file] = try etc?.contents(of: name, limit: Self.largestFile) }
    }
    self.init(contents)
  }
}
