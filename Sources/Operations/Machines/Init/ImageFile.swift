import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// A btrfs in a sparse file, mounted through a loop device: a store on a machine without a btrfs of its own.
public struct ImageFile: Sendable {
  /// The file.
  public let path: FilePath

  /// An image file, which need not exist yet.
  public init(at path: FilePath) { self.path = path }

  /// Makes the file with an empty btrfs of `size` bytes, if it does not exist. It gets its name when it is complete; an
  /// existing file is never written to.
  public func make(size: Int64) throws {
    guard access(path.string, F_OK) != 0 else { return }
    let image = try NewImageFile(for: path, size: size)
    do {
      try ChildProcess("mkfs.btrfs", ["--quiet", "--", image.temporary.string]).run()
      try image.finish()
    } catch {
      image.discard()
      throw error
    }
  }

  /// Mounts the image at `directory`, which is made if it is missing. An image that is mounted there already stays.
  public func mount(at directory: FilePath) throws {
    guard mkdir(directory.string, 0o755) == 0 || errno == EEXIST else {
      throw AstError(.failed, "cannot make \(directory): \(Errno(rawValue: errno))")
    }
    if try isMounted(at: directory) { return }
    guard try Files.names(in: directory).isEmpty else {
      throw AstError(
        .refused, "\(directory) is not empty, and a mount would hide what is in it", hint: "name an empty directory")
    }
    do {
      try ChildProcess(
        "mount", ["-t", "btrfs", "-o", "loop,noatime,nosuid,nodev", "--", path.string, directory.string]
      ).run()
    } catch {
      throw AstError(
        .failed, "cannot mount \(path) at \(directory): \(AstError(error).reason)",
        hint: "is \(path) an image that `ast init --image` made?")
    }
  }

  /// Whether the file system at `directory` is this image, through any loop device.
  private func isMounted(at directory: FilePath) throws -> Bool {
    guard let real = realpath(directory.string, nil) else {
      throw FileError("find", directory, Errno(rawValue: errno))
    }
    defer { free(real) }
    guard let source = try MountTable.source(at: FilePath(platformString: real)) else { return false }
    let loop = source.lastComponent?.string ?? ""
    let backing = try? String(contentsOfFile: "/sys/block/\(loop)/loop/backing_file", encoding: .utf8)
    guard let file = realpath(path.string, nil) else { return false }
    defer { free(file) }
    if backing?.split(separator: "\n").first == Substring(String(cString: file)) { return true }
    throw AstError(.refused, "another file system is mounted at \(directory) (\(source))", state: .unchanged)
  }
}
