import Btrfs
import Glibc
import Host
import SnapshotTree
import Store
import SystemPackage

/// `restore`: single files and directories as they are in a generation, brought back into the node or copied out of it. What
/// is in a directory there and not in the generation goes.
extension Store {
  /// How the node would differ after a restoration, by path. Times do not count.
  public func simulateRestoration(of paths: [FilePath], from generation: GenerationID) throws -> [FileChange] {
    try Restoration(of: paths, from: generation, in: self).changes(in: self)
  }

  /// Brings files back into the node, as a transaction. The generation that they are of stays, however old it is: more
  /// may be wanted of it.
  ///
  /// - Returns: the end of the transaction, and how the node differs now.
  /// - Throws: `AstError`: not found if one of the paths is not in the generation, refused if a directory above it is not
  ///   one in the node now.
  public func restore(
    _ paths: [FilePath], from generation: GenerationID
  ) throws -> (outcome: RunOutcome, changes: [FileChange]) {
    var changes: [FileChange] = []
    // Before anything is entered in the history.
    _ = try Restoration(of: paths, from: generation, in: self)
    let outcome = try edit(generation.node, as: Operation.restoration, sparing: generation.number) { clone in
      let restoration = try Restoration(of: paths, from: generation, in: self)
      changes = try restoration.changes(in: self)
      guard !changes.isEmpty else { return false }
      let top = try OpenDirectory(clone)
      for file in restoration.files {
        try Interruption.check()
        let target = try restoration.directory(for: file, in: top)
        try target.removeWhole(file.name)
        let copy = try CopyTree(of: file.name, from: file.directory, to: file.name, in: target)
        failPoint("file restored")
        try copy.protect()
      }
      return true
    }
    return (outcome, changes)
  }

  /// Copies files of a node or generation to a directory of the machine.
  ///
  /// - Parameters:
  ///   - directory: the directory, which exists. Each file gets its own name there.
  ///   - replacing: asked whether these files, which are there, are replaced.
  /// - Returns: the copies.
  /// - Throws: `AstError`; then what was there is as it was.
  public func copyOut(
    _ paths: [FilePath], from source: GenerationReference, to directory: FilePath,
    replacing: ([FilePath]) throws -> Bool
  ) throws -> [FilePath] {
    let lock = try lock(source.node)
    defer { withExtendedLifetime(lock) {} }
    let restoration = try Restoration(of: paths, from: generation(source).id, in: self)
    let target = try OpenDirectory(directory)
    if let name = restoration.repeatedName {
      throw AstError(
        .usage, "two of the files are called \(name): they cannot both be in \(directory)", state: .unchanged)
    }
    let present = try restoration.files.filter { try target.status(of: $0.name) != nil }
    guard try present.isEmpty || replacing(present.map { directory.appending($0.name) }) else {
      throw AstError.notConfirmed
    }
    return try restoration.files.map { file in
      try Interruption.check()
      try file.copy(to: target)
      return directory.appending(file.name)
    }
  }
}

/// Files of a generation that are to be restored. Paths are looked up name by name, and no link in the generation is
/// followed.
private struct Restoration {
  /// A file, or a directory with everything in it.
  struct File {
    /// Its path, relative to the root.
    let path: FilePath
    /// The directory that it is in.
    let directory: OpenDirectory
    let name: OpenDirectory.Name
  }

  /// The files, none of which is in another.
  let files: [File]
  private let generation: GenerationID
  private let root: Subvolume
  private let top: OpenDirectory

  init(of paths: [FilePath], from id: GenerationID, in store: Store) throws {
    let root = try store.subvolume(of: store.generation(GenerationReference(id.node, id.number)))
    let top = try OpenDirectory(root.path)
    let places = try Set(paths.map(Self.place)).sorted { $0.string < $1.string }
    // All of them must be there, those in others, too.
    files = try places.map { try Self.file(at: $0, in: top, id) }
      .filter { file in !places.contains { $0 != file.path && file.path.starts(with: $0) } }
    (generation, self.root, self.top) = (id, root, top)
  }

  /// The path of a file relative to the root.
  private static func place(of typed: FilePath) throws -> FilePath {
    var place = FilePath(root: nil, typed.components).lexicallyNormalized()
    place.root = nil
    guard let first = place.components.first else {
      throw AstError(
        .usage, "\(typed) is the whole node", state: .unchanged, hint: "`ast undo --to` goes back to a generation")
    }
    guard first.kind == .regular else {
      throw AstError(.usage, "\(typed) is not below the root of the node", state: .unchanged)
    }
    return place
  }

  private static func file(at place: FilePath, in top: OpenDirectory, _ id: GenerationID) throws -> File {
    var directory = top
    var path = FilePath()
    for name in place.components.dropLast() {
      path.append(name)
      guard let inner = try directory.directory(name) else { throw try missing(place, at: path, directory, name, id) }
      directory = inner
    }
    guard let name = place.lastComponent, try directory.status(of: name) != nil else {
      throw AstError(.notFound, "generation \(id) has no /\(place)", state: .unchanged)
    }
    return File(path: place, directory: directory, name: name)
  }

  private static func missing(
    _ place: FilePath, at path: FilePath, _ directory: OpenDirectory, _ name: OpenDirectory.Name, _ id: GenerationID
  ) throws -> AstError {
    let isLink = try directory.status(of: name).map { $0.st_mode & S_IFMT == S_IFLNK } ?? false
    return AstError(
      .notFound, "generation \(id) has no /\(place)\(isLink ? ": /\(path) is a symbolic link there" : "")",
      state: .unchanged, hint: isLink ? "name the file by the path that the link leads to" : nil)
  }

  /// A name that two of the files have.
  var repeatedName: OpenDirectory.Name? {
    var seen: Set<OpenDirectory.Name> = []
    return files.map(\.name).first { !seen.insert($0).inserted }
  }

  /// How the node's current generation differs from it afterwards.
  func changes(in store: Store) throws -> [FileChange] {
    let current = try store.subvolume(of: store.current(store.node(generation.node)))
    return try files.flatMap { try root.fileChanges(since: current, in: $0.path) }
  }

  /// The directory of a file in the clone; those that are missing are made like the generation's.
  func directory(for file: File, in clone: OpenDirectory) throws -> OpenDirectory {
    var (target, source) = (clone, top)
    var path = FilePath()
    for name in file.path.components.dropLast() {
      path.append(name)
      guard let inner = try source.directory(name), let status = try source.status(of: name) else {
        throw OpenDirectory.failure("open", source.path.appending(name), ENOENT)
      }
      if try target.status(of: name) == nil {
        try target.makeDirectory(name)
        if let attributes = try source.attributes(of: name, status) {
          try target.setAttributes(attributes, of: name)
        }
      }
      guard let next = try target.directory(name) else {
        throw AstError(
          .refused, "/\(path) is not a directory in node \(generation.node) now", state: .unchanged,
          hint: "restore /\(path) itself")
      }
      (target, source) = (next, inner)
    }
    return target
  }
}

extension Restoration.File {
  /// Copies it to a directory of the machine: the old or the new file, never a part of it.
  func copy(to target: OpenDirectory) throws {
    let temporary: OpenDirectory.Name = ".ast-new"
    try target.removeWhole(temporary)
    do {
      let copy = try CopyTree(of: name, from: directory, to: temporary, in: target)
      failPoint("file copied out")
      // A rename can be on the disk before the contents.
      try FileSystem.sync(target.path)
      try target.place(temporary, as: name)
      failPoint("copy in its place")
      try copy.protect(as: name)
      try target.removeWhole(temporary)
    } catch {
      try? target.removeWhole(temporary)
      throw error
    }
  }
}

extension OpenDirectory {
  /// Gives a file its final name; one that has the name already is under the temporary one afterwards.
  fileprivate func place(_ temporary: Name, as name: Name) throws {
    if try status(of: name) != nil { return try exchange(name, with: temporary) }
    let result = temporary.withPlatformString { old in
      name.withPlatformString { renameat(descriptor, old, descriptor, $0) }
    }
    guard result == 0 else { throw Self.failure("make", path.appending(name), errno) }
  }
}
