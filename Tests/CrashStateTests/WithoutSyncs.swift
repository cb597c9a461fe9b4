import SystemPackage
import TestSupport

extension ScratchDirectory {
  /// An environment in which a program's syncs have no effect, so that everything that needs one is unsafe.
  func withoutSyncs() throws -> [String: String] {
    let library = file("nosync.so")
    let source = "int syncfs(int file) { return 0; } int btrfs_util_sync(const char *path) { return 0; }"
    try runSuccessfully(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library.string], input: source)
    return plainEnvironment.merging(["LD_PRELOAD": library.string]) { $1 }
  }
}
