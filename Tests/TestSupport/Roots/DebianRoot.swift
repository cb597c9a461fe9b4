import Btrfs
import FoundationEssentials
import Glibc
import Synchronization
import SystemPackage

/// A minimal Debian (mmdebstrap's "minbase") on the file system of the tests.
///
/// It is unpacked once on each file system of the tests and given to each test as a snapshot.
public enum DebianRoot {
  /// A writable root for one test, in the directory `name` of `directory`.
  public static func snapshot(in directory: FilePath, name: String = "root") throws -> FilePath {
    let path = directory.appending(name)
    try Subvolume(at: pristine.get()).snapshot(to: path, readOnly: false)
    return path
  }

  /// The release under test: `$AST_TEST_SUITE`, by default trixie.
  public static let suite = variable("AST_TEST_SUITE") ?? "trixie"

  /// The archive of a release: what `install/debian-root` prints, which makes it if it is missing.
  public static func archive(of suite: String) throws -> FilePath {
    let script = Checkout.directory.appending("install/debian-root")
    var environment = plainEnvironment
    for name in ["HOME", "XDG_CACHE_HOME", "AST_CACHE"] { environment[name] = variable(name) }
    let output = try runSuccessfully([script.string, suite], environment: environment)
    return FilePath(output.split(separator: "\n").joined())
  }

  private static let pristine = Result {
    try LoopBtrfs.shared.directory(named: "debian-\(suite)") { root in
      try runSuccessfully(["tar", "-C", root.string, "-xf", archive(of: suite).string])
      // mmdebstrap leaves the resolv.conf of the machine it ran on.
      unlink(root.appending("etc/resolv.conf").string)
      try Data().write(to: URL(filePath: root.appending("etc/resolv.conf").string))
      try FileSystem.sync(root)
    }
  }

  private static func variable(_ name: String) -> String? {
    ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }
}
