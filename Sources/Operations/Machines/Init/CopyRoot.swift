import CFiles
import Glibc
import Host
import SystemPackage

/// A root file system in a directory as it becomes the base: with the subvolumes inside it, which become directories of
/// the base, and the attributes of chattr(1); without what is mounted inside it.
struct CopyRoot {
  private let directory: FilePath

  /// - Throws: `AstError` if something is mounted inside the directory that would be missing in the base.
  init(of directory: FilePath) throws {
    self.directory = directory
    guard let real = realpath(directory.string, nil) else {
      throw AstError(.notFound, "cannot read \(directory): \(Errno(rawValue: errno))", state: .unchanged)
    }
    defer { free(real) }
    let place = FilePath(platformString: real)
    for mount in try MountTable.mounts() where mount.place != place && mount.place.starts(with: place) {
      let inside = FilePath(root: "/", mount.place.components.dropFirst(place.components.count))
      // A base has these directories, but not what the kernel and running programs show there.
      guard !Self.leftOut.contains(where: inside.starts) else { continue }
      throw AstError(
        .refused, "\(mount.place) is a file system of its own, whose files would be missing in the base",
        state: .unchanged, hint: "unmount it, or `ast adopt` if it belongs to the running system")
    }
  }

  /// Where the kernel's file systems are mounted, and snapshots of the root itself.
  private static let leftOut: [FilePath] = ["/proc", "/sys", "/dev", "/run", "/tmp", "/.snapshots"]

  /// Copies it into a new subvolume.
  func run(to root: FilePath) throws {
    guard let source = try OpenDirectory(directory).directoryWithoutMounts(OpenDirectory.itself),
      let status = try source.status(of: OpenDirectory.itself),
      let attributes = try source.attributes(of: OpenDirectory.itself, status)
    else { throw AstError(.notFound, "\(directory) does not exist any more") }
    let target = try OpenDirectory(root)
    let names = try source.names().filter { $0 != ".snapshots" }
    // cp runs in a process of its own.
    let place = FilePath("/proc/\(getpid())/fd/\(source.descriptor)")
    if !names.isEmpty {
      let sources = names.map { place.appending($0).string }
      try ChildProcess("cp", ["--archive", "--reflink=auto", "--"] + sources + [root.string]).run()
    }
    try keepFlags(of: source, in: target)
    try target.setAttributes(attributes, of: OpenDirectory.itself)
    try target.setTimes(of: OpenDirectory.itself, from: status)
  }

  /// cp(1) does not keep the attributes of chattr(1).
  private func keepFlags(of source: OpenDirectory, in copy: OpenDirectory) throws {
    for name in try copy.names() {
      guard let kind = try copy.status(of: name).map({ $0.st_mode & S_IFMT }), kind == S_IFDIR || kind == S_IFREG else {
        continue
      }
      if kind == S_IFDIR, let inner = try source.directory(name), let copied = try copy.directory(name) {
        try keepFlags(of: inner, in: copied)
      }
      let flags = try source.flags(of: name)
      guard flags != 0 else { continue }
      // A file that has contents is copied on write for good.
      if kind == S_IFREG, flags & CFILES_NOT_COPIED_ON_WRITE != 0, let status = try source.status(of: name),
        let attributes = try source.attributes(of: name, status)
      {
        try copy.replace(name, attributes) { try copy.copy(name, from: source, to: $0) }
      }
      try copy.setFlags(flags, of: name)
    }
  }
}
