import DebianFormats
import Glibc
import Host
import Rootfs
import SystemPackage

/// The /var of a node that is made from a system in use: the files and state of its packages. Everything else is data of
/// the machine, which keeps it in the /var that all deployments share.
struct AdoptedVar {
  private let root: OpenDirectory
  private let packages: PackageFiles

  /// The /var of the root at a path.
  init(of root: FilePath) throws {
    self.root = try OpenDirectory(root)
    packages = try PackageFiles(in: root, below: "/var/")
  }

  /// Directories of data that may be lost at any time or belong to the machine: only packages' directories stay in them.
  private static let volatile: Set<FilePath> = [
    "var/backups", "var/cache", "var/crash", "var/log", "var/mail", "var/spool", "var/tmp",
  ]
  /// If a directory in /var has more bytes than this that no package brought, they are data.
  private static let limit: Int64 = 32 << 20

  func reduce() throws {
    for unit in try directories(of: "var") where unit != "var/lib" { try reduce(unit) }
    for unit in try directories(of: "var/lib") { try reduce(unit) }
  }

  /// Fills the /var of another root with what ``reduce()`` leaves of this one, which is on a file system of its own and
  /// does not change.
  func copy(into base: FilePath) throws {
    guard let from = try root.directory("var"), let device = try from.status(of: OpenDirectory.itself)?.st_dev else {
      return
    }
    let target = try OpenDirectory(base)
    guard let to = try target.directory("var") else {
      throw OpenDirectory.failure("find", base.appending("var"), ENOENT)
    }
    for name in try to.names() { try to.removeEvenIfProtected(name) }
    try copy(from, to: to, at: "var", on: device, everything: false)
    try copyAttributes(of: "var", from: root, to: target)
  }

  private func copy(
    _ from: OpenDirectory, to: OpenDirectory, at path: FilePath, on device: dev_t, everything: Bool
  ) throws {
    for name in try from.names() {
      let path = path.appending(name)
      guard let status = try from.status(of: name), status.st_dev == device else { continue }
      guard status.st_mode & S_IFMT == S_IFDIR, let inner = try from.directory(name) else {
        let isWanted =
          try everything || isState(path) || packages.contains(absolute(path)) || from.isLink(name)
          || Self.units.contains(path.removingLastComponent()) && Int64(status.st_blocks) * 512 <= Self.limit
        if isWanted { _ = try CopyTree(of: name, from: from, to: name, in: to) }
        continue
      }
      let isUnit = Self.units.contains(path.removingLastComponent()) && !Self.units.contains(path)
      let isWhole = try everything || isState(path) || isUnit && !isData(inner, at: path)
      guard isWhole || isUnit || Self.units.contains(path) || packages.contains(absolute(path)) || leadsToState(path)
      else { continue }
      try to.makeDirectory(name)
      guard let copy = try to.directory(name) else { continue }
      try self.copy(inner, to: copy, at: path, on: device, everything: isWhole)
      try copyAttributes(of: name, from: from, to: to)
    }
  }

  private func copyAttributes(of name: OpenDirectory.Name, from: OpenDirectory, to: OpenDirectory) throws {
    guard let status = try from.status(of: name), let attributes = try from.attributes(of: name, status) else { return }
    try to.setAttributes(attributes, of: name)
    try to.setTimes(of: name, from: status)
  }

  /// The directories whose directories are data, or not, each as a whole.
  private static let units: Set<FilePath> = ["var", "var/lib"]

  private func directories(of path: FilePath) throws -> [FilePath] {
    guard let directory = try root.directory(at: path) else { return [] }
    return try directory.names().filter { try directory.isDirectory($0) }.map { path.appending($0) }
  }

  private func reduce(_ unit: FilePath) throws {
    guard let directory = try root.directory(at: unit) else { return }
    guard try isData(directory, at: unit) else { return }
    try clear(directory, at: unit)
  }

  private func isData(_ directory: OpenDirectory, at unit: FilePath) throws -> Bool {
    try Self.volatile.contains(unit) || size(of: directory, at: unit) > Self.limit
  }

  /// The bytes of the files that no package brought.
  private func size(of directory: OpenDirectory, at path: FilePath) throws -> Int64 {
    try directory.names().reduce(0) { sum, name in
      let path = path.appending(name)
      guard !isState(path), let status = try directory.status(of: name) else { return sum }
      guard status.st_mode & S_IFMT == S_IFDIR, let inner = try directory.directory(name) else {
        return sum + (packages.contains(absolute(path)) ? 0 : Int64(status.st_blocks) * 512)
      }
      return sum + (try size(of: inner, at: path))
    }
  }

  /// Removes the files that no package brought.
  private func clear(_ directory: OpenDirectory, at path: FilePath) throws {
    for name in try directory.names() {
      let path = path.appending(name)
      guard !isState(path) else { continue }
      // Links come from packages' scripts, such as /var/spool/mail.
      guard try packages.contains(absolute(path)) || leadsToState(path) || directory.isLink(name) else {
        try directory.removeEvenIfProtected(name)
        continue
      }
      if try directory.isDirectory(name), let inner = try directory.directory(name) { try clear(inner, at: path) }
    }
  }

  private func absolute(_ path: FilePath) -> FilePath { FilePath("/").pushing(path) }

  private static let state = PackageState.directories.map(\.place) + [PackageState.aptExtendedStates.place]

  private func isState(_ path: FilePath) -> Bool { Self.state.contains { path.starts(with: $0) } }

  private func leadsToState(_ path: FilePath) -> Bool { Self.state.contains { $0.starts(with: path) } }
}

extension OpenDirectory {
  fileprivate func isDirectory(_ name: Name) throws -> Bool {
    try status(of: name).map { $0.st_mode & S_IFMT == S_IFDIR } ?? false
  }

  fileprivate func isLink(_ name: Name) throws -> Bool {
    try status(of: name).map { $0.st_mode & S_IFMT == S_IFLNK } ?? false
  }
}
