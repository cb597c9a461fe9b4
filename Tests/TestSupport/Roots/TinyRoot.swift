import Glibc
import Synchronization
import SystemPackage

/// A root file system small enough to copy in a moment: this machine's shell and a few of its programs with the
/// libraries they load, and a dpkg status that names two packages. Made once on each file system of the tests.
public enum TinyRoot {
  /// The directory it is in.
  public static var path: FilePath {
    get throws { try made.get() }
  }

  private static let programs = [
    "sh", "bash", "cat", "chmod", "cp", "dd", "head", "ln", "ls", "mkdir", "mknod", "mount", "mv", "rm", "setsid",
    "sleep", "stat", "stty", "sync", "touch", "true", "false", "tty", "wc",
  ]

  private static let status = """
    Package: alpha
    Status: install ok installed
    Architecture: amd64
    Version: 1.0-1

    Package: beta
    Status: install ok installed
    Architecture: all
    Version: 2:0.5

    """

  private static let made: Result<FilePath, any Error> = Result {
    try LoopBtrfs.shared.directory(named: "tiny", makingIt: make)
  }

  private static func make(_ root: FilePath) throws {
    let directories = ["usr/bin", "etc", "var/lib/dpkg", "proc", "sys", "dev", "run", "tmp", "root", "usr/sbin"]
    try runSuccessfully(["mkdir", "-p"] + directories.map { root.appending($0).string })
    for link in ["bin", "sbin", "lib", "lib64"] {
      try runSuccessfully(["mkdir", "-p", root.appending("usr/\(link)").string])
      try runSuccessfully(["ln", "-s", "usr/\(link)", root.appending(link).string])
    }
    let files = try programs.flatMap { program in
      let file = try runSuccessfully(["sh", "-c", "command -v \(program)"]).split(separator: "\n")[0]
      let libraries = try runSuccessfully(["ldd", "/usr/bin/\(file.split(separator: "/").last ?? "")"])
      return ["/usr/bin/\(program)"]
        + libraries.split(whereSeparator: \.isWhitespace).map(String.init).filter { $0.hasPrefix("/") }
    }
    for file in Set(files) {
      let place = file.hasPrefix("/lib") ? "usr\(file)" : String(file.dropFirst())
      let target = root.appending(place)
      try runSuccessfully(["mkdir", "-p", target.removingLastComponent().string])
      try runSuccessfully(["cp", "--dereference", "--preserve=mode", file, target.string])
    }
    try write("root:x:0:0:root:/root:/bin/bash\n", to: root.appending("etc/passwd"))
    try write(status, to: root.appending("var/lib/dpkg/status"))
  }

  private static func write(_ text: String, to path: FilePath) throws {
    let file = try FileDescriptor.open(
      path, .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite, .groupRead, .otherRead])
    try file.closeAfter { _ = try file.writeAll(text.utf8) }
  }
}
