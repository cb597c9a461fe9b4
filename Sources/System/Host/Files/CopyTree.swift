import Btrfs
import CFiles
import FileTrees
import Glibc
import SystemPackage

/// A file, or a directory with everything in it, copied so that programs see no difference.
///
/// Kept are owners, permissions, access control lists and other extended attributes, times, hard links, devices and
/// FIFOs, subvolumes, and the attributes of chattr(1). Contents share their space with the original.
package struct CopyTree {
  private typealias Name = OpenDirectory.Name

  /// The files that chattr(1) protects from changes, by their paths in the copy. ``protect()`` protects the copies.
  private var protected: [(path: FilePath, flags: UInt32)] = []
  /// The first copies of files with more than one name, by their numbers.
  private var linked: [UInt: (directory: OpenDirectory, name: Name)] = [:]
  private let directory: OpenDirectory
  private let copy: Name

  /// Copies the file with the name `original` in `source` to the name `copy` in `directory`, which must not exist.
  package init(
    of original: OpenDirectory.Name, from source: OpenDirectory, to copy: OpenDirectory.Name,
    in directory: OpenDirectory
  ) throws {
    self.directory = directory
    self.copy = copy
    try make(copy, in: directory, of: original, from: source, at: "")
  }

  /// Protects the files in the copy that are protected in the original; those that are gone by now are left out.
  ///
  /// - Parameter name: the name of the copy; nil for the one that it was made with.
  package func protect(as name: OpenDirectory.Name? = nil) throws {
    let name = name ?? copy
    guard let top = try directory.directory(name) else {
      for (_, flags) in protected { try directory.setFlags(flags, of: name) }
      return
    }
    // The contents of a directory before the directory.
    for (path, flags) in protected.reversed() {
      guard let above = try top.directory(at: path.removingLastComponent()) else { continue }
      try above.setFlags(flags, of: path.lastComponent ?? OpenDirectory.itself)
    }
  }

  private mutating func make(
    _ name: Name, in directory: OpenDirectory, of original: Name, from other: OpenDirectory, at path: FilePath
  ) throws {
    guard let status = try other.status(of: original) else { return }
    let kind = status.st_mode & S_IFMT
    if kind != S_IFDIR, status.st_nlink > 1 {
      if let first = linked[status.st_ino] {
        return try directory.makeHardLink(name, to: first.name, in: first.directory)
      }
      linked[status.st_ino] = (directory, name)
    }
    var flags = kind == S_IFDIR ? try other.flags(of: original) : 0
    switch kind {
    case S_IFDIR where try other.isSubvolume(original, status):
      let subvolume = Subvolume(at: other.reference(to: original))
      try subvolume.snapshot(to: directory.reference(to: name), readOnly: subvolume.info().isReadOnly)
      return
    case S_IFDIR:
      try directory.makeDirectory(name)
      // What it inherits, the files in it would inherit.
      if path.isEmpty { try directory.setAttributes(FileAttributes(mode: 0o700), of: name) }
      guard let inner = try other.directory(original), let copy = try directory.directory(name) else { return }
      for name in try inner.names() { try make(name, in: copy, of: name, from: inner, at: path.appending(name)) }
    case S_IFREG:
      flags = try directory.copyWithAttributes(original, status, from: other, to: name)
    case S_IFLNK: try directory.makeLink(name, to: try other.target(of: original) ?? [])
    default: try directory.makeSpecial(name, type: kind, device: UInt64(status.st_rdev))
    }
    if kind != S_IFREG {
      if let attributes = try other.attributes(of: original, status) {
        try directory.give(attributes, to: name, of: kind)
      }
      try directory.setTimes(of: name, from: status)
    }
    // Later than the contents: files in a directory inherit some of its flags when they are made.
    let (protection, others) = (flags & CFILES_PROTECTED, flags & ~CFILES_PROTECTED)
    if kind == S_IFDIR, others != 0 { try directory.setFlags(others, of: name) }
    if protection != 0 { protected.append((path, flags)) }
  }
}

extension OpenDirectory {
  /// The number of the top directory of every subvolume (BTRFS_FIRST_FREE_OBJECTID, linux/btrfs_tree.h).
  fileprivate static let subvolumeNumber: UInt = 256

  /// Whether a directory with this status is a subvolume; on another file system than a btrfs it may have that number.
  fileprivate func isSubvolume(_ name: Name, _ status: stat) throws -> Bool {
    try status.st_ino == Self.subvolumeNumber && Subvolume.isSubvolume(at: reference(to: name))
  }

  /// The attributes of chattr(1) of a regular file or directory, as far as a copy can have them.
  package func flags(of name: Name) throws -> UInt32 {
    var flags: UInt32 = 0
    let result = name.withPlatformString { cfiles_read_flags(descriptor, $0, &flags) }
    guard result == 0 else { throw Self.failure("read the flags of", path.appending(name), -result) }
    return flags
  }

  /// Gives a regular file or directory this protection from changes (`FileAttributes.protection`), if the name exists.
  package func protect(_ name: Name, _ protection: UInt32) throws {
    guard let present = try self.protection(of: name), present != protection else { return }
    try setFlags(flags(of: name) & ~CFILES_PROTECTED | protection, of: name)
  }

  /// Gives a regular file or directory these attributes of chattr(1) and no others, if the name exists.
  package func setFlags(_ flags: UInt32, of name: Name) throws {
    let result = name.withPlatformString { cfiles_write_flags(descriptor, $0, flags) }
    guard result == 0 || result == -ENOENT else {
      throw Self.failure("set the flags of", path.appending(name), -result)
    }
  }

  func makeHardLink(_ name: Name, to other: Name, in directory: OpenDirectory) throws {
    let result = other.withPlatformString { other in
      name.withPlatformString { linkat(directory.descriptor, other, descriptor, $0, 0) }
    }
    guard result == 0 else { throw failure("make the link", name) }
  }

  /// Removes a file, or a directory with its contents, even if chattr(1) protects them or subvolumes are among them.
  package func removeWhole(_ name: Name) throws {
    // Most files are removed with one call.
    guard name.withPlatformString({ unlinkat(descriptor, $0, 0) }) != 0, let status = try status(of: name) else {
      return
    }
    let kind = status.st_mode & S_IFMT
    if kind == S_IFDIR || kind == S_IFREG, try flags(of: name) & CFILES_PROTECTED != 0 { try setFlags(0, of: name) }
    guard kind == S_IFDIR, let inner = try directory(name) else { return try remove(name) }
    if try isSubvolume(name, status) { return try Subvolume(at: reference(to: name)).delete() }
    for name in try inner.names() { try inner.removeWhole(name) }
    try remove(name)
  }

  /// Exchanges two names of the directory, in one step.
  ///
  /// - Parameter directory: the directory of the other name, if it is not this one.
  package func exchange(_ name: Name, with other: Name, in directory: OpenDirectory? = nil) throws {
    let directory = directory ?? self
    let result = name.withPlatformString { name in
      other.withPlatformString { cfiles_exchange(descriptor, name, directory.descriptor, $0) }
    }
    guard result == 0 else {
      throw Self.failure("exchange \(directory.path.appending(other)) with", path.appending(name), -result)
    }
  }
}
