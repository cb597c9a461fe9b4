import Btrfs
import CFiles
import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// A directory of the old root becomes a subvolume of its own, with everything in it as it is: a snapshot of the whole
/// root, of which all else is removed. Nothing is copied, so what a copy would lose stays: links between files, files
/// that are not to be copied on write (btrfs refuses to share those with a copy), holes, attributes. Subvolumes inside
/// the directory come along.
struct TakeOver {
  /// What the name has at its end while it is made.
  static let suffix = ".adopt"

  /// The old root.
  let old: Subvolume
  /// The name of the directory in it.
  let directory: OpenDirectory.Name
  /// Where the subvolume goes, beside the one that is there.
  let target: FilePath

  /// Makes it.
  func run() throws {
    if try Subvolume.isSubvolume(at: target) { try Subvolume(at: target).delete() }
    let root = try OpenDirectory(old.path)
    if let inner = try root.directory(directory), try !inner.names().isEmpty {
      try old.snapshot(to: target, readOnly: false)
      failPoint("data snapshot made")
      try keepOnlyTheDirectory()
      try takeSubvolumes()
    } else {
      try Subvolume.create(at: target)
      failPoint("data subvolume made")
      try takeAttributes(from: root, directory)
    }
    // Gives the space back that was in use while the rest went.
    try FileSystem.sync(target)
  }

  private static let moving: OpenDirectory.Name = ".ast-adopt"

  private func keepOnlyTheDirectory() throws {
    let top = try OpenDirectory(target)
    for name in try top.names() where name != directory { try top.removeEvenIfProtected(name) }
    // It may have something in it with its own name.
    try rename(target.appending(directory), target.appending(Self.moving))
    for name in try top.directory(Self.moving)?.names() ?? [] {
      try rename(target.appending(Self.moving).appending(name), target.appending(name))
    }
    try top.remove(Self.moving)
    try takeAttributes(from: OpenDirectory(old.path), directory)
  }

  /// The top directory gets owner, permissions and times of the directory it was.
  private func takeAttributes(from root: OpenDirectory, _ name: OpenDirectory.Name) throws {
    guard let status = try root.status(of: name), let attributes = try root.attributes(of: name, status) else { return }
    let top = try OpenDirectory(target)
    try top.setAttributes(attributes, of: OpenDirectory.itself)
    try top.setTimes(of: OpenDirectory.itself, from: status)
  }

  private func rename(_ path: FilePath, _ new: FilePath) throws {
    guard Glibc.rename(path.string, new.string) == 0 else {
      throw AstError(.failed, "cannot move \(path): \(Errno(rawValue: errno))")
    }
  }

  /// Of a subvolume inside, a snapshot has an empty directory in its place.
  private func takeSubvolumes() throws {
    let place = old.path.appending(directory)
    let nested = try old.nested().filter { $0.starts(with: place) && $0 != place }
    let taken = nested.map { path in
      (Subvolume(at: path), Subvolume(at: target.appending(path.components.dropFirst(place.components.count))))
    }
    // The inner ones come first in the list; a snapshot needs the one around it, and to be writable until it has them.
    for (from, to) in taken.reversed() {
      try Files.removeDirectoryIfPresent(to.path)
      try from.snapshot(to: to.path, readOnly: false)
    }
    for (from, to) in taken where try from.info().isReadOnly { try to.setReadOnly(true) }
  }

  /// Lets it take the place of the subvolume with this name, which goes: one that an adoption has made, and nobody has
  /// written to.
  func install(as path: FilePath) throws {
    let result = target.withPlatformString { new in path.withPlatformString { cfiles_exchange(new, $0) } }
    guard result == 0 else {
      throw AstError(.failed, "cannot put \(target) in place of \(path): \(Errno(rawValue: -result))")
    }
    failPoint("data in place")
  }
}
