import SystemPackage

extension OpenDirectory {
  /// Removes a file or a directory with its contents, even if chattr(1) protects them.
  package func removeEvenIfProtected(_ name: Name) throws {
    do {
      try remove(name)
    } catch let error as AstError where error.code == .failed {
      // chattr fails when it meets a link, and does the rest.
      try? ChildProcess("chattr", ["-R", "-f", "-a", "-i", "--", path.appending(name).string]).run()
      try remove(name)
    }
  }
}
