import Etc
import FileTrees
import Glibc
import Host
import SystemPackage

/// The /etc of a root: its contents, and the open directory.
package struct EtcTree {
  /// The directory; nil if the root has none.
  let directory: OpenDirectory?
  /// The contents. The identity of a file shows which of the trees read together have the same bytes at its path.
  package let node: FileNode
  /// The accounts.
  let accounts: AccountFiles

  /// Reads the /etc of several roots side by side. Contents are compared path by path and only where the sizes are
  /// equal: times and inode numbers prove nothing about a file that was changed in a snapshot, and few files are so
  /// large that it matters. Mounts in a directory are not part of it.
  package static func read(_ roots: [FilePath]) throws -> [EtcTree] {
    let tops = try roots.map { root in
      let top = try OpenDirectory(root)
      if let status = try top.status(of: "etc"), status.st_mode & S_IFMT != S_IFDIR {
        throw AstError(.refused, "\(root.appending("etc")) is not a directory", state: .unchanged)
      }
      return try top.directoryWithoutMounts("etc")
    }
    let nodes = try SideBySide().nodes(named: OpenDirectory.itself, in: tops)
    return try zip(tops, nodes).map { directory, node in
      EtcTree(
        directory: directory, node: node ?? FileNode(.directory([:]), FileAttributes(mode: 0o755)),
        accounts: try AccountFiles(readIn: directory))
    }
  }
}

/// Walks several directories at the same time.
private struct SideBySide {
  private typealias Name = OpenDirectory.Name

  /// No path leads deeper (PATH_MAX, limits.h).
  private static let deepest = 2048

  /// The files with a name in each of the directories.
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

  /// The contents of the subdirectory with this name, for each directory that has one.
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

  /// For each file, bytes that are the same for the same contents: its size, and the number of the first tree that has
  /// these contents. Empty for anything but a regular file.
  private func identities(of name: Name, _ files: [stat?], in directories: [OpenDirectory?]) throws -> [[UInt8]] {
    var origins = Array(files.indices)
    for index in files.indices {
      for earlier in 0..<index where origins[earlier] == earlier && origins[index] == index {
        guard let file = files[index], let other = files[earlier], file.st_size == other.st_size,
          let directory = directories[index], let otherDirectory = directories[earlier]
        else { continue }
        let isSameFile = file.st_dev == other.st_dev && file.st_ino == other.st_ino
        if try isSameFile || file.st_size == 0 || hasSameBytes(name, Int64(file.st_size), directory, otherDirectory) {
          origins[index] = earlier
        }
      }
    }
    return zip(files, origins).map { file, origin in
      guard let file else { return [] }
      return withUnsafeBytes(of: file.st_size.bigEndian) { Array($0) } + [UInt8(truncatingIfNeeded: origin)]
    }
  }

  private func hasSameBytes(
    _ name: Name, _ size: Int64, _ directory: OpenDirectory, _ other: OpenDirectory
  ) throws -> Bool {
    guard let file = try directory.file(name) else { return false }
    defer { try? file.close() }
    guard let otherFile = try other.file(name) else { return false }
    defer { try? otherFile.close() }
    var start: Int64 = 0
    while start < size {
      // A file of a terabyte may be a single hole; few files are so large that it matters.
      if size - start > Self.smallFile {
        start = min(OpenDirectory.data(in: file, from: start), OpenDirectory.data(in: otherFile, from: start))
        guard start < size else { break }
      }
      let bytes = try directory.read(file, name, from: start, rest: size - start)
      guard try bytes == other.read(otherFile, name, from: start, rest: size - start) else { return false }
      // It is shorter by now.
      guard !bytes.isEmpty else { break }
      start += Int64(bytes.count)
    }
    return true
  }

  private static let smallFile: Int64 = 1 << 16
}

extension AccountFiles {
  /// Many times the size of a large site's accounts.
  private static let largestFile: Int64 = 1 << 26

  /// Reads the account files of an /etc.
  ///
  /// - Throws: `AstError` if one is not a regular file: without their accounts, users could not log in.
  fileprivate init(readIn etc: OpenDirectory?) throws {
    var contents: [FilePath: [UInt8]] = [:]
    for file in Self.names {
      if let name = file.lastComponent { contents[file] = try etc?.contents(of: name, limit: Self.largestFile) }
    }
    self.init(contents)
  }
}
