import CFiles
import FileTrees
import Glibc
import SystemPackage

/// A directory that is made equal to one on another file system: what is equal there already stays, so it can be done
/// again until nothing changes any more.
///
/// A file stays if type, owner, permissions, size and time of change are equal, and its status has not changed since the
/// beginning of the first copy: that time (st_ctime) is the kernel's own, and no program can set it. Programs may work in
/// the original meanwhile; what they remove is left out.
package struct SyncTree {
  private typealias Name = OpenDirectory.Name

  /// Files whose status has changed at this time or later, in seconds since 1970, are copied anew.
  private let changed: Int
  /// Directories in which something else is made: they are there, and what is in them stays.
  private let apart: Set<FilePath>
  /// The files that chattr(1) protects, by their paths.
  private var protected: [FilePath] = []
  /// The first copies of files with more than one name, by their numbers.
  private var linked: [UInt: (directory: OpenDirectory, name: Name)] = [:]
  private let device: dev_t

  /// Makes `target` equal to `source`, on one file system: mounts in it are empty directories.
  ///
  /// - Parameters:
  ///   - changed: the time before the first copy began, in seconds since 1970.
  ///   - apart: the directories, by their paths in `source`, that something else is copied to.
  ///   - isProtecting: whether what chattr(1) protects is protected in the end; then it was the last copy.
  package static func run(
    from source: OpenDirectory, to target: OpenDirectory, changedSince changed: Int, apart: Set<FilePath> = [],
    isProtecting: Bool
  ) throws {
    guard let status = try source.status(of: OpenDirectory.itself) else { return }
    var sync = SyncTree(changed: changed, apart: apart, device: status.st_dev)
    try sync.fill(target, from: source, at: "")
    try sync.complete(OpenDirectory.itself, in: target, from: source, OpenDirectory.itself, status)
    guard isProtecting else { return }
    // The contents of a directory before the directory.
    for path in sync.protected.reversed() {
      let (directory, name) = try source.parent(of: path)
      guard let copy = try target.directory(at: path.removingLastComponent()),
        let protection = try directory.protection(of: name)
      else { continue }
      try copy.protect(name, protection)
    }
  }

  private init(changed: Int, apart: Set<FilePath>, device: dev_t) {
    (self.changed, self.apart, self.device) = (changed, apart, device)
  }

  private mutating func fill(_ target: OpenDirectory, from source: OpenDirectory, at path: FilePath) throws {
    try Interruption.check()
    // A protected directory takes no names, and what it inherits, the files in it would inherit.
    if try target.flags(of: OpenDirectory.itself) != 0 { try target.setFlags(0, of: OpenDirectory.itself) }
    try target.setAttributes(FileAttributes(mode: 0o700), of: OpenDirectory.itself)
    let names = try source.names()
    let wanted = Set(names)
    for name in try target.names() where !wanted.contains(name) && !apart.contains(path.appending(name)) {
      try target.removeWhole(name)
    }
    for name in names {
      let path = path.appending(name)
      guard let (status, protection) = try source.statusWithProtection(of: name) else {
        // Removed just now.
        if !apart.contains(path) { try target.removeWhole(name) }
        continue
      }
      try sync(name, status, in: target, from: source, at: path)
      if protection != 0 { protected.append(path) }
    }
  }

  private mutating func sync(
    _ name: Name, _ status: stat, in target: OpenDirectory, from source: OpenDirectory, at path: FilePath
  ) throws {
    let kind = status.st_mode & S_IFMT
    let present = try target.status(of: name)
    if kind == S_IFDIR {
      if try target.directory(name) == nil {
        if present != nil { try target.removeWhole(name) }
        try target.makeDirectory(name)
      }
      guard !apart.contains(path) else { return }
      if status.st_dev == device, let inner = try source.directory(name), let copy = try target.directory(name) {
        try fill(copy, from: inner, at: path)
      }
      return try complete(name, in: target, from: source, name, status)
    }
    if status.st_nlink > 1 {
      if let first = linked[status.st_ino] {
        let number = try first.directory.status(of: first.name)?.st_ino
        guard present == nil || present?.st_ino != number else { return }
        try target.removeWhole(name)
        return try target.makeHardLink(name, to: first.name, in: first.directory)
      }
      linked[status.st_ino] = (target, name)
    }
    if let present, isEqual(present, status) { return }
    try target.removeWhole(name)
    try copy(name, status, kind, to: target, from: source)
  }

  private func isEqual(_ present: stat, _ status: stat) -> Bool {
    Int(status.st_ctim.tv_sec) < changed && present.st_mode == status.st_mode && present.st_uid == status.st_uid
      && present.st_gid == status.st_gid && present.st_rdev == status.st_rdev
      && (status.st_mode & S_IFMT != S_IFREG || present.st_size == status.st_size)
      && present.st_mtim.tv_sec == status.st_mtim.tv_sec && present.st_mtim.tv_nsec == status.st_mtim.tv_nsec
  }

  private func copy(
    _ name: Name, _ status: stat, _ kind: mode_t, to target: OpenDirectory, from source: OpenDirectory
  ) throws {
    switch kind {
    case S_IFREG:
      do {
        _ = try target.copyWithAttributes(name, status, from: source, to: name)
      } catch {
        // If it was removed or replaced while it was copied, the next time decides.
        guard try source.status(of: name)?.st_ino != status.st_ino else { throw error }
        try target.removeWhole(name)
      }
      return
    case S_IFLNK:
      guard let link = try source.target(of: name) else { return }
      try target.makeLink(name, to: link)
    default: try target.makeSpecial(name, type: kind, device: UInt64(status.st_rdev))
    }
    try complete(name, in: target, from: source, name, status)
  }

  /// Gives a file that is no regular one its attributes and times.
  private func complete(
    _ name: Name, in target: OpenDirectory, from source: OpenDirectory, _ original: Name, _ status: stat
  ) throws {
    let kind = status.st_mode & S_IFMT
    guard let attributes = try source.attributes(of: original, status) else { return }
    try target.setAttributes(attributes, of: name)
    if kind == S_IFDIR {
      let flags = try source.flags(of: original) & ~CFILES_PROTECTED
      if flags != 0 { try target.setFlags(flags, of: name) }
    }
    try target.setTimes(of: name, from: status)
  }
}
