import SystemPackage
import TestSupport

/// A directory of the host on the file system of the store, with a file for everything that a node could make ast read.
struct OutsideDirectory {
  let path: FilePath

  init() throws {
    path = try LoopBtrfs.shared.newDirectory()
    let script = """
      cd "$1"
      mkdir dpkg apt archives partial
      echo 'stolen = true' >node.toml
      echo 'nameserver 192.0.2.1' >resolv.conf
      echo 'root:x:0:0:root:/root:/bin/stolen' >passwd
      printf 'Package: stolen\\nStatus: install ok installed\\nArchitecture: all\\nVersion: 1\\n' >dpkg/status
      find . -exec touch --date=2001-01-01 {} +
      """
    try runSuccessfully(["sh", "-euc", script, "sh", path.string])
  }

  /// The complete state of the directory, including the times when its files were last read: with the default `relatime`,
  /// reading a file that was written after it was last read sets that time (mount(8)).
  func state() throws -> String {
    let format = "%P %y %m %U:%G %n %s %T@ %C@ %l"
    return try runSuccessfully([
      "find", path.string, "-printf", "\(format)\\n", "-type", "f", "-printf", "%P %A@\\n",
    ])
  }
}
