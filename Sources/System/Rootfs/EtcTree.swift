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

  /// A file with a name in one of the directories.
  private struct Found {
    let directory: OpenDirectory
    let status: stat
    let protection: UInt32
    /// The open file, if its bytes count.
    var file: FileDescriptor?

    var kind: mode_t { status.st_mode & S_IFMT }
    /// A regular file with contents.
    var hasBytes: Bool { kind == S_IFREG && status.st_size > 0 }
  }

  /// The files with a name in each of the directories.
  func nodes(named name: OpenDirectory.Name, in directories: [OpenDirectory?], depth: Int = 0) throws -> [FileNode?] {
    var found = try directories.map { directory -> Found? in
      guard let directory, let (status, protection) = try directory.statusWithProtection(of: name) else { return nil }
      return Found(directory: directory, status: status, protection: protection)
    }
    defer { for file in found { try? file?.file?.close() } }
    // Files of different sizes have different contents, whatever they are.
    let sizes = found.compactMap { found in found.flatMap { $0.hasBytes ? $0.status.st_size : nil } }
    for (index, file) in found.enumerated() {
      guard let file, file.hasBytes, sizes.count(where: { $0 == file.status.st_size }) > 1 else { continue }
      found[index]?.file = try file.directory.file(name)
      // It is gone by now.
      if found[index]?.file == nil { found[index] = nil }
    }
    let identities = try identities(of: name, found)
    let inner = try inner(of: name, in: found, depth: depth)
    return try found.indices.map { index -> FileNode? in
      guard let file = found[index] else { return nil }
      let content: FileNode.Content? =
        switch file.kind {
        case S_IFREG: .file(identity: identities[index])
        case S_IFLNK: try file.directory.target(of: name).map(FileNode.Content.link)
        case S_IFDIR: .directory(inner[index])
        default: .special(type: file.kind, device: UInt64(file.status.st_rdev))
        }
      guard let content,
        let attributes = try file.directory.attributes(of: name, file.status, file.protection, open: file.file)
      else { return nil }
      return FileNode(content, attributes)
    }
  }

  /// The contents of the subdirectory with this name, for each directory that has one.
  private func inner(
    of name: Name, in found: [Found?], depth: Int
  ) throws -> [[Name: FileNode]] {
    var children = found.map { _ in [Name: FileNode]() }
    let directories = try found.map { found -> OpenDirectory? in
      guard let found, found.kind == S_IFDIR else { return nil }
      return name == OpenDirectory.itself ? found.directory : try found.directory.directory(name)
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
  private func identities(of name: Name, _ files: [Found?]) throws -> [[UInt8]] {
    var origins = Array(files.indices)
    var contents: [Int: [UInt8]] = [:]
    for index in files.indices {
      for earlier in 0..<index where origins[earlier] == earlier && origins[index] == index {
        guard let file = files[index], let other = files[earlier], file.kind == S_IFREG, other.kind == S_IFREG,
          file.status.st_size == other.status.st_size
        else { continue }
        let isSameFile = file.status.st_dev == other.status.st_dev && file.status.st_ino == other.status.st_ino
        if try isSameFile || !file.hasBytes || hasSameBytes(name, files, index, earlier, &contents) {
          origins[index] = earlier
        }
      }
    }
    return zip(files, origins).map { file, origin in
      guard let file, file.kind == S_IFREG else { return [] }
      return withUnsafeBytes(of: file.status.st_size.bigEndian) { Array($0) } + [UInt8(truncatingIfNeeded: origin)]
    }
  }

  /// - Parameter contents: the bytes of small files, which are read once.
  private func hasSameBytes(
    _ name: Name, _ files: [Found?], _ index: Int, _ earlier: Int, _ contents: inout [Int: [UInt8]]
  ) throws -> Bool {
    guard let found = files[index], let file = found.file, let other = files[earlier], let otherFile = other.file else {
      return false
    }
    let size = Int64(found.status.st_size)
    if size <= Self.smallFile {
      for (index, found, file) in [(index, found, file), (earlier, other, otherFile)] where contents[index] == nil {
        contents[index] = try found.directory.read(file, name, from: 0, rest: size)
      }
      return contents[index] == contents[earlier]
    }
    var start: Int64 = 0
    while start < size {
      // A file of a terabyte may be a single hole; few files are so large that it matters.
      start = min(OpenDirectory.data(in: file, from: start), OpenDirectory.data(in: otherFile, from: start))
      guard start < size else { break }
      let bytes = try found.directory.read(file, name, from: start, rest: size - start)
      guard try bytes == other.directory.read(otherFile, name, from: start, rest: size - start) else { return false }
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
