import CFiles
import FoundationEssentials
import Glibc
import SystemPackage

/// A file in the place of a root's own one for a while, which programs may replace, write, move and delete like any
/// other: over a mount they could not.
///
/// The root's own file is meanwhile below /run, where a sandbox mounts a file system of its own, so that programs do not
/// meet it. Directories keep their times.
package struct LentFile: Sendable {
  private let root: RootDirectory
  private let place: FilePath
  private let content: Data
  /// The mode and owner of the lent file, as they were made.
  private let given: Access
  private let hasOwn: Bool

  /// Lends a file; nil if its place does not exist, has a directory, or has a file that cannot be moved, as one that
  /// chattr(1) protects.
  ///
  /// - Parameter mode: the mode, to which that of the root's own file is added.
  /// - Throws: `FileError`.
  package init?(_ content: Data, mode: mode_t, at place: FilePath, in root: RootDirectory) throws {
    (self.root, self.place, self.content) = (root, place, content)
    let directory = place.removingLastComponent()
    guard let present = try root.status(ofName: place) else {
      guard try root.open(directory, O_RDONLY | O_DIRECTORY)?.close() != nil else { return nil }
      (given, hasOwn) = (Access(mode: mode, owner: 0, group: 0), false)
      try root.keepingTimes(of: directory) { try Self.make(content, given, at: place, in: root) }
      return
    }
    guard present.st_mode & S_IFMT != S_IFDIR else { return nil }
    let isFile = present.st_mode & S_IFMT == S_IFREG
    given = isFile ? Access(present, adding: mode) : Access(mode: mode, owner: 0, group: 0)
    hasOwn = true
    let isLent = try root.keepingTimes(of: Self.hidden) {
      try root.keepingTimes(of: directory) {
        do {
          try root.move(place, to: Self.aside(place))
        } catch let error as FileError where error.errno == .notPermitted {
          return false
        }
        try Self.make(content, given, at: place, in: root)
        return true
      }
    }
    guard isLent else { return nil }
  }

  private static func make(_ content: Data, _ access: Access, at place: FilePath, in root: RootDirectory) throws {
    try root.attempt("make", place) {
      let (directory, name) = try root.parent(of: place, making: false)
      try directory.closeAfter {
        let made = openat(directory.rawValue, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard made >= 0 else { throw Errno(rawValue: errno) }
        let file = FileDescriptor(rawValue: made)
        try file.closeAfter {
          _ = try file.writeAll(content)
          try access.set(of: file)
        }
      }
    }
  }

  private static let hidden: FilePath = "/run"

  private static func aside(_ place: FilePath) -> FilePath {
    hidden.appending(".ast-\(place.lastComponent?.string ?? "")")
  }

  /// Puts the root's own file back, unless a program has made something else of the lent one, which then stays. What
  /// programs have copied or moved of the lent file to other names becomes a copy of the root's own.
  ///
  /// - Parameter directories: the directories with such copies, beside the file's own.
  /// - Parameter settle: makes of a file's content, and that of the root's own file, what is to be there.
  /// - Throws: `FileError`.
  package func giveBack(
    copiesIn directories: [FilePath] = [], settling settle: (_ found: Data, _ own: Data) -> Data = { found, _ in found }
  ) throws {
    let own = hasOwn ? try root.beginning(of: Self.aside(place), count: Self.largest) ?? Data() : nil
    for directory in [place.removingLastComponent()] + directories { try replaceCopies(in: directory, with: own) }
    try root.keepingTimes(of: Self.hidden) {
      try root.keepingTimes(of: place.removingLastComponent()) {
        let protection = try setProtection(0)
        try settleOrPutBack(own, settle)
        if protection != 0 { _ = try setProtection(protection) }
      }
    }
  }

  private func settleOrPutBack(_ own: Data?, _ settle: (_ found: Data, _ own: Data) -> Data) throws {
    guard let (file, size) = try root.openFile(place) else { return try root.removeFile(Self.aside(place)) }
    let (found, access) = try file.closeAfter {
      (size > Self.largest ? nil : try root.contents(of: place), try Access(of: file))
    }
    guard found != content else { return try putBack(with: access == given ? nil : access) }
    if let found {
      let settled = settle(found, own ?? Data())
      if settled != found { try root.write(settled, to: place) }
    }
    try root.removeFile(Self.aside(place))
  }

  private func putBack(with access: Access?) throws {
    guard hasOwn else {
      // A file that a program has touched is its own from then on.
      return try access == nil ? root.removeFile(place) : root.write(Data(), to: place)
    }
    try root.move(Self.aside(place), to: place)
    guard let access, let (file, _) = try root.openFile(place) else { return }
    try root.attempt("set the mode of", place) { try file.closeAfter { try access.set(of: file) } }
  }

  /// Sets what chattr(1) protects the file in the place from, and returns what it was.
  private func setProtection(_ protection: UInt32) throws -> UInt32 {
    guard try root.hasFile(place) else { return 0 }
    return try root.attempt("set the protection of", place) {
      let (directory, name) = try root.parent(of: place, making: false)
      return try directory.closeAfter {
        var flags: UInt32 = 0
        let read = cfiles_read_flags(directory.rawValue, name, &flags)
        guard read == 0, flags & CFILES_PROTECTED != protection else { return 0 }  // or the file system has none
        let result = cfiles_write_flags(directory.rawValue, name, flags & ~CFILES_PROTECTED | protection)
        guard result == 0 else { throw Errno(rawValue: -result) }
        return flags & CFILES_PROTECTED
      }
    }
  }

  private func replaceCopies(in directory: FilePath, with own: Data?) throws {
    for entry in try root.entries(of: directory) where !entry.isDirectory {
      let copy = directory.appending(entry.name)
      guard copy != place, let (file, size) = try root.openFile(copy) else { continue }
      try file.close()
      guard size == content.count, try root.contents(of: copy) == content else { continue }
      try root.keepingTimes(of: directory) { try own.map { try root.write($0, to: copy) } ?? root.removeFile(copy) }
    }
  }

  /// The content that is looked at: a configuration file is smaller.
  private static let largest = 1 << 16
}

/// The mode and owner of a file.
private struct Access: Equatable, Sendable {
  var mode: mode_t
  var owner: uid_t
  var group: gid_t

  init(mode: mode_t, owner: uid_t, group: gid_t) { (self.mode, self.owner, self.group) = (mode, owner, group) }

  init(_ status: stat, adding mode: mode_t = 0) {
    self.init(mode: status.st_mode & 0o7777 | mode, owner: status.st_uid, group: status.st_gid)
  }

  init(of file: FileDescriptor) throws {
    var status = stat()
    guard fstat(file.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
    self.init(status)
  }

  func set(of file: FileDescriptor) throws {
    // The owner first: changing it removes set-user-ID and set-group-ID (chown(2)).
    guard fchown(file.rawValue, owner, group) == 0, fchmod(file.rawValue, mode) == 0 else {
      throw Errno(rawValue: errno)
    }
  }
}
