import SystemPackage
import TestSupport

extension ScratchDirectory {
  /// An environment in which nothing that a program asks for is on the disk before its time: what needs a sync to be
  /// safe is not.
  func withoutSyncs() throws -> [String: String] {
    let library = file("nosync.so")
    let source = "int syncfs(int file) { return 0; } int btrfs_util_sync(const char *path) { return 0; }"
    try runSuccessfully(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library.string], input: source)
    return plainEnvironment.merging(["LD_PRELOAD": library.string]) { $1 }
  }
}
