import SystemPackage

extension OpenDirectory {
  /// Removes what has a name, with everything in it, also what chattr(1) protects.
  package func removeEvenIfProtected(_ name: Name) throws {
    do {
      try remove(name)
    } catch let error as AstError where error.code == .failed {
      // It fails where it meets a link, and does the rest.
      try? ChildProcess("chattr", ["-R", "-f", "-a", "-i", "--", path.appending(name).string]).run()
      try remove(name)
    }
  }
}
