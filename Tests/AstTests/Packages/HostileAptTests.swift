import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// A node with a hostile apt, which shares its workspace with ast: ast must not follow links out of it.
@Suite("A hostile apt", .requiresRoot)
struct HostileAptTests {
  private static let tool = DebPackage("tool", files: ["/usr/share/tool": "hammer\n"])
  /// The files in the workspace that it replaces with links after apt has done its work.
  private static let names = [
    "extended_states", "decision", "checksums", "hook", "lists", "cache", "cache/archives", "cache/pkgcache.bin",
    "lists/stolen",
  ]

  @Test(arguments: names, ["update", "install"])
  func nothingOutsideIsReadOrWritten(name: String, verb: String) throws {
    let node = try PackageNode(in: PackageStore(publishing: [Self.tool]))
    let victim = try LoopBtrfs.shared.newDirectory()
    for file in ["passwd", "pkgcache.bin", "tool_1.0_all.deb"] {
      try Data("kept\n".utf8).write(to: URL(filePath: victim.appending(file).string))
    }
    // Names with a file extension become links to one of the victim's files, the others to its directory.
    let isDirectory = ["lists", "cache", "cache/archives"].contains(name)
    let target = isDirectory ? victim : victim.appending("passwd")
    try node.shell("mv /usr/bin/apt-get /usr/bin/apt-get.real")
    let script = """
      #!/bin/sh
      /usr/bin/apt-get.real "$@"
      status=$?
      case "$*" in *\(verb)*) rm -rf /run/ast/apt/\(name); ln -s \(target) /run/ast/apt/\(name) 2>/dev/null;; esac
      exit $status
      """
    try node.store.ast(
      ["-q", "run", "\(node.id)", "sh", "-c", "cat >/usr/bin/apt-get; chmod 755 /usr/bin/apt-get"], input: script
    ).expectSuccess()
    let before = try TestStore.checksum(of: victim)
    let result = try node.ast("install", "--refresh", "tool")
    #expect(result.signal == nil && [0, 1, 3].contains(result.status), "\(result)")
    #expect(try TestStore.checksum(of: victim) == before, "\(result)")
    let copies = try run(["grep", "--recursive", "--line-regexp", "kept", "\(node.store.root)/cache/apt/indices"])
    #expect(copies.stdout == "")
    #expect(try Consistency.problems(of: node.store) == [])
  }
}
