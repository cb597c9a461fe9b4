import DebianFormats
import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// Moves the state that belongs to the set of packages into `/usr/lib/sysimage` of a root file system that is being
/// made into a node; symlinks stay behind. Repeating it changes nothing.
///
/// Only plain directories are walked: a symlink on the way to one of the places is refused, so that a root from an
/// unknown tarball cannot lead a move outside itself. Times are restored, so that the same root gives the same tree.
package struct RelocatePackageState {
  private let root: FilePath
  private let files = FileManager.default
  /// The former times of directories that are changed.
  private var times: [FilePath: timespec] = [:]
  /// The new paths, in the order of making.
  private var made: [FilePath] = []

  package init(in root: FilePath) { self.root = root }

  package mutating func run() throws {
    for directory in PackageState.directories {
      try move(directory)
    }
    try moveExtendedStates()
    try configureDKMS()
    try putTimesBack()
  }

  private mutating func move(_ directory: PackageState.Directory) throws {
    let (place, home) = (directory.place, PackageState.sysimage.pushing(directory.home))
    try requireDirectories(to: place)
    let (old, new) = (root.pushing(place), root.pushing(home))
    switch kind(of: old) {
    case .symlink:
      guard try files.destinationOfSymbolicLink(atPath: old.string) == directory.target else { throw refused(old) }
      return try makeDirectory(home)
    case .directory:
      try makeDirectory(home.removingLastComponent())
      guard kind(of: new) == .missing else { throw refused(new) }
      try rename(place, to: home)
    case .missing:
      try makeDirectory(place.removingLastComponent())
      try makeDirectory(home)
    case .other:
      throw refused(old)
    }
    try touch(place.removingLastComponent())
    try Files.makeLink(old, to: directory.target)
    made.append(place)
  }

  private mutating func moveExtendedStates() throws {
    let (place, home) = PackageState.aptExtendedStates
    guard kind(of: root.appending("etc/apt")) == .directory else { return }
    try requireDirectories(to: place)
    try makeDirectory(PackageState.sysimage.pushing(home).removingLastComponent())
    if kind(of: root.pushing(place)) == .other { try rename(place, to: PackageState.sysimage.pushing(home)) }
    try write(PackageState.aptConfiguration.text, to: PackageState.aptConfiguration.path)
  }

  private mutating func configureDKMS() throws {
    let (path, text) = PackageState.dkmsConfiguration
    guard kind(of: root.appending("etc")) == .directory else { return }
    try requireDirectories(to: path)
    try write(text, to: path)
  }

  private mutating func write(_ text: String, to place: FilePath) throws {
    try makeDirectory(place.removingLastComponent())
    try touch(place.removingLastComponent())
    let path = root.pushing(place)
    let present = kind(of: path)
    guard present == .missing || present == .other else { throw refused(path) }
    try Files.attempt("write", path) {
      let file = try FileDescriptor.open(
        path, .writeOnly, options: [.create, .truncate, .noFollow, .closeOnExec],
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
      try file.closeAfter { _ = try file.writeAll(text.utf8) }
    }
    made.append(place)
  }

  private mutating func rename(_ old: FilePath, to new: FilePath) throws {
    try touch(old.removingLastComponent())
    try touch(new.removingLastComponent())
    try Files.rename(root.pushing(old), to: root.pushing(new))
  }

  private mutating func makeDirectory(_ relative: FilePath) throws {
    guard !relative.isEmpty else { return }
    let path = root.pushing(relative)
    switch kind(of: path) {
    case .directory: return
    case .symlink, .other: throw refused(path)
    case .missing:
      try makeDirectory(relative.removingLastComponent())
      try touch(relative.removingLastComponent())
      try Files.makeDirectory(path)
      made.append(relative)
    }
  }

  /// Makes sure that all existing parents of a place are directories.
  private func requireDirectories(to place: FilePath) throws {
    var path = root
    for component in place.removingLastComponent().components {
      path.append(component)
      guard kind(of: path) == .directory || kind(of: path) == .missing else { throw refused(path) }
    }
  }

  private enum Kind { case missing, directory, symlink, other }

  private func kind(of path: FilePath) -> Kind {
    var status = stat()
    guard lstat(path.string, &status) == 0 else { return .missing }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: return .directory
    case S_IFLNK: return .symlink
    default: return .other
    }
  }

  /// Remembers the time of a directory that is about to change.
  private mutating func touch(_ directory: FilePath) throws {
    guard !made.contains(directory), times[directory] == nil else { return }
    times[directory] = try modificationTime(of: directory)
  }

  /// Gives new paths the time of /usr/lib, which contains them or their targets, and changed directories their former
  /// time.
  private func putTimesBack() throws {
    let usual = try times["usr/lib"] ?? modificationTime(of: "usr/lib")
    for path in made { try set(usual, of: path) }
    for (path, time) in times { try set(time, of: path) }
  }

  private func modificationTime(of path: FilePath) throws -> timespec {
    var status = stat()
    guard lstat(root.pushing(path).string, &status) == 0 else {
      throw FileError("examine", root.pushing(path), Errno(rawValue: errno))
    }
    return status.st_mtim
  }

  private func set(_ time: timespec, of path: FilePath) throws {
    guard utimensat(AT_FDCWD, root.pushing(path).string, [time, time], AT_SYMLINK_NOFOLLOW) == 0 else {
      throw FileError("set the time of", root.pushing(path), Errno(rawValue: errno))
    }
  }

  private func refused(_ path: FilePath) -> AstError {
    AstError(.refused, "\(path) is not what a Debian root has there: its package state cannot be moved")
  }
}
