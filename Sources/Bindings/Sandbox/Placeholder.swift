import CSandbox
import Glibc
import SystemPackage

/// A mount point that was missing in the root and was made for a run.
struct Placeholder {
  let path: FilePath
  /// Modification time of its directory before and after it was made.
  let before: timespec
  let after: timespec

  static func all(of result: sandbox_result) -> [Placeholder] {
    UnsafeBufferPointer(start: result.created, count: result.created_count).compactMap {
      guard let path = $0.path else { return nil }
      return Placeholder(path: FilePath(platformString: path), before: $0.parent_before, after: $0.parent_after)
    }
  }

  /// Removes the placeholders that are still empty, the last one first. The program owned the root in the meantime, so
  /// every path is looked up again, inside the root (openat2(2), RESOLVE_IN_ROOT).
  static func remove(_ placeholders: [Placeholder], below root: FilePath) {
    guard !placeholders.isEmpty,
      let root = try? FileDescriptor.open(root, .readOnly, options: [.directory, .closeOnExec])
    else { return }
    defer { try? root.close() }
    for placeholder in placeholders.reversed() { placeholder.remove(below: root) }
  }

  private func remove(below root: FileDescriptor) {
    guard let name = path.lastComponent?.string else { return }
    let parent = sandbox_open_in_root(root.rawValue, path.removingLastComponent().string, O_RDONLY | O_DIRECTORY)
    guard parent >= 0 else { return }  // the program has removed it, and the placeholder with it
    defer { close(parent) }
    var directory = stat()
    var status = stat()
    guard fstat(parent, &directory) == 0 else { return }
    guard fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return }
    switch status.st_mode & S_IFMT {
    case S_IFREG where status.st_size == 0: guard unlinkat(parent, name, 0) == 0 else { return }
    case S_IFDIR: guard unlinkat(parent, name, AT_REMOVEDIR) == 0 else { return }
    default: return
    }
    // The directory looks as before, unless the program has changed it as well.
    guard directory.st_mtim.tv_sec == after.tv_sec, directory.st_mtim.tv_nsec == after.tv_nsec else { return }
    _ = futimens(parent, [directory.st_atim, before])
  }
}
