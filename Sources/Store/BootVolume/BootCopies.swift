import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// The copies of kernels and initrds on a boot volume. Their names are their contents, so deployments share them, and none
/// is ever changed.
struct BootCopies {
  /// Their directory, from the top of the volume.
  static let directory: FilePath = "ast/boot"

  private let volume: BootVolume
  private let directory: FilePath
  private let warn: (String) -> Void
  /// The size of each copy, by its name.
  private(set) var present: [String: Int64] = [:]

  /// - Parameter warn: shows a sentence about what stays behind of an earlier power cut.
  init(on volume: BootVolume, warning warn: @escaping (String) -> Void) throws {
    self.volume = volume
    self.warn = warn
    directory = volume.directory.pushing(Self.directory)
    try volume.makeDirectory(Self.directory)
    for name in try Files.names(in: directory) where BootFileDigests.isDigest(name) {
      var status = stat()
      guard lstat(directory.appending(name).string, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
      present[name] = Int64(status.st_size)
    }
  }

  /// The path of a copy from the top of the volume.
  static func path(of file: BootFile) -> FilePath { directory.appending(file.digest) }

  /// Whether there is a copy of a file. One of another size is what a damaged disk has left.
  func has(_ file: BootFile) -> Bool { present[file.digest] == file.size }

  /// The space that files take on the volume, in bytes.
  func space(for files: some Sequence<BootFile>) throws -> Int64 {
    let unit = try volume.space().unit
    return files.reduce(0) { $0 + ($1.size + unit - 1) / unit * unit }
  }

  /// The space that all copies take together, in bytes.
  func space() throws -> Int64 { try space(for: present.map { BootFile(digest: $0.key, size: $0.value) }) }

  /// Takes a copy for missing, so that it is made anew.
  mutating func forget(_ file: BootFile) { present[file.digest] = nil }

  /// Copies a file of a root, unless it is there. When this returns, the copy is on the disk and has been compared.
  mutating func add(_ file: BootFile, from path: FilePath, in root: FilePath) throws {
    guard !has(file) else { return }
    guard let content = try RootDirectory(root).contents(of: path), content.count == file.size else {
      throw AstError(.failed, "\(root.pushing(path)) has changed while it was read", state: .unchanged)
    }
    let copy = directory.appending(file.digest)
    try BootLoaderFile(copy).replace(with: content, mode: 0o600, warning: warn)
    guard try isRight(file) else {
      throw AstError(
        .failed, "the copy of \(root.pushing(path)) on \(volume.record.mountPoint) is not what was written",
        state: .unchanged, hint: "the disk may be damaged: look at the kernel's messages")
    }
    present[file.digest] = file.size
    failPoint("boot file copied")
  }

  /// Whether the copy of a file has its content. One that the disk cannot read has not.
  func isRight(_ file: BootFile) throws -> Bool {
    let copy = directory.appending(file.digest)
    return try Files.attempt("read", copy) {
      let opened = try FileDescriptor.open(copy, .readOnly, options: [.noFollow, .closeOnExec])
      return try opened.closeAfter {
        do {
          return try BootFileDigests.digest(of: opened) == file.digest
        } catch let error as AstError {
          guard try Self.isUnreadable(opened) else { throw error }
          return false
        }
      }
    }
  }

  /// Whether the disk reports an error while a file is read.
  private static func isUnreadable(_ file: FileDescriptor) throws -> Bool {
    var piece = [UInt8](repeating: 0, count: 1 << 20)
    var position: Int64 = 0
    do {
      while case let count = try piece.withUnsafeMutableBytes({ try file.read(fromAbsoluteOffset: position, into: $0) }),
        count > 0
      {
        position += Int64(count)
      }
      return false
    } catch Errno.ioError {
      return true
    }
  }

  /// Removes the copies of these names that are damaged.
  ///
  /// - Returns: their paths.
  mutating func removeDamaged(among names: Set<String>) throws -> [FilePath] {
    let damaged = try names.sorted().filter { name in
      try present[name].map { try !isRight(BootFile(digest: name, size: $0)) } ?? false
    }
    for name in damaged {
      try BootLoaderFile(directory.appending(name)).remove(warning: warn)
      present[name] = nil
    }
    return damaged.map(directory.appending)
  }

  /// Whether there is anything besides the copies of these names: other copies, or parts that a killed command left.
  func hasMore(than names: Set<String>) throws -> Bool {
    try Files.names(in: directory).contains { !names.contains($0) }
  }

  /// Removes everything but the copies with these names. The menu on the disk must not name what goes.
  mutating func remove(except names: Set<String>) throws {
    var isChanged = false
    for name in try Files.names(in: directory).sorted() where !names.contains(name) {
      try BootLoaderFile(directory.appending(name)).remove(warning: warn)
      present[name] = nil
      isChanged = true
      failPoint("boot file removed")
    }
    if isChanged { try volume.sync() }
  }
}
