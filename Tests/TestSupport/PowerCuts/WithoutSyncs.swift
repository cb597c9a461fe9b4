import SystemPackage

extension ScratchDirectory {
  /// An environment in which a program's syncs of the file system have no effect, so that everything that needs one is
  /// unsafe.
  package func withoutSyncs() throws -> [String: String] {
    try environment(with: "int syncfs(int file) { return 0; } int btrfs_util_sync(const char *path) { return 0; }")
  }

  /// The same for the syncs of a single file, which databases make.
  package func withoutFileSyncs() throws -> [String: String] {
    try environment(with: "int fsync(int file) { return 0; } int fdatasync(int file) { return 0; }")
  }

  private func environment(with source: String) throws -> [String: String] {
    let library = file("nosync.so")
    try runSuccessfully(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library.string], input: source)
    return plainEnvironment.merging(["LD_PRELOAD": library.string]) { $1 }
  }
}
