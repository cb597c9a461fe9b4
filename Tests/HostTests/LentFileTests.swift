import FoundationEssentials
import Host
import SystemPackage
import TestSupport
import Testing

/// Files that are lent to a root, and what programs do with them.
@Suite(.requiresRoot) struct LentFileTests {
  let directory: FilePath
  let root: RootDirectory

  init() throws {
    directory = try LoopBtrfs.shared.newDirectory()
    root = RootDirectory(directory)
    try shell("mkdir etc run backups; touch -d @1000 etc run")
  }

  private static let lent = Data("lent\n".utf8)

  private func shell(_ script: String) throws { try runSuccessfully(["sh", "-euc", script], in: directory) }

  /// Each file with its type, mode, owner, link target and content.
  private func contents() throws -> [String] {
    let script = #"find . ! -type d -printf '%P %y %m %U %l ' \( -type f -exec cat {} \; -o -printf '\n' \)"#
    return try runSuccessfully(["sh", "-euc", script], in: directory).split(separator: "\n").map(String.init).sorted()
  }

  private static let plain = "printf 'own\\n' >etc/f; chmod 640 etc/f"

  /// What is done with the lent file, and what is there afterwards in place of `etc/f f 640 0  own`.
  @Test(
    arguments: [
      ("true", ["etc/f f 640 0  own"]),
      ("touch etc/f; mv etc/f etc/g; mv etc/g etc/f", ["etc/f f 640 0  own"]),
      ("printf 'new\\n' >etc/f", ["etc/f f 644 0  new"]),
      ("printf 'more\\n' >>etc/f", ["etc/f f 644 0  lent", "more"]),
      ("printf 'new\\n' >etc/g; chmod 600 etc/g; mv etc/g etc/f", ["etc/f f 600 0  new"]),
      ("rm etc/f", []),
      ("ln -sf ../run/f etc/f", ["etc/f l 777 0 ../run/f "]),
      ("mv etc/f etc/f.distrib; printf 'new\\n' >etc/f", ["etc/f f 644 0  new", "etc/f.distrib f 644 0  own"]),
      ("cp -p etc/f etc/f.bak", ["etc/f f 640 0  own", "etc/f.bak f 644 0  own"]),
      ("cp etc/f backups; cp etc/f run", ["backups/f f 644 0  own", "etc/f f 640 0  own", "run/f f 644 0  lent"]),
      ("chmod 600 etc/f", ["etc/f f 600 0  own"]),
      ("chown 7 etc/f", ["etc/f f 644 7  own"]),
      ("chattr +i etc/f", ["etc/f f 640 0  own"]),
      ("printf 'new\\n' >etc/f; chattr +i etc/f", ["etc/f f 644 0  new"]),
    ] as [(String, [String])])
  func whatAProgramMakesOfItStays(script: String, expected: [String]) throws {
    try shell(Self.plain)
    let file = try #require(try LentFile(Self.lent, mode: 0o644, at: "/etc/f", in: root))
    #expect(try runSuccessfully(["cat", "etc/f"], in: directory) == "lent\n")
    try shell(script)
    try file.giveBack(copiesIn: ["/backups"])
    defer { try? shell("chattr -i etc/f 2>/dev/null || true") }
    #expect(try contents() == expected)
    let isProtected = try runSuccessfully(["sh", "-c", "lsattr -d etc/* 2>/dev/null | cut -c5"], in: directory)
    #expect(isProtected.contains("i") == script.contains("chattr"))
  }

  /// What is in the place before, and what is there afterwards if no program does anything.
  @Test(
    arguments: [
      ("true", []), (plain, ["etc/f f 640 0  own"]), ("ln -s nowhere etc/f", ["etc/f l 777 0 nowhere "]),
      ("printf 'own\\n' >etc/f; chown 7:7 etc/f; chmod 4755 etc/f", ["etc/f f 4755 7  own"]),
      ("mkfifo -m 600 etc/f", ["etc/f p 600 0  "]), ("printf 'lent\\n' >etc/f", ["etc/f f 644 0  lent"]),
    ] as [(String, [String])])
  func nothingIsLeftOfAFileThatNobodyTouched(own: String, expected: [String]) throws {
    try shell("\(own); touch -d @1000 etc")
    let file = try #require(try LentFile(Self.lent, mode: 0o644, at: "/etc/f", in: root))
    try file.giveBack()
    #expect(try contents() == expected)
    #expect(try runSuccessfully(["stat", "-c", "%Y", "etc", "run"], in: directory) == "1000\n1000\n")
  }

  @Test(arguments: ["rmdir etc", "mkdir etc/f", "touch etc/f; chattr +i etc/f", "rmdir etc; ln -s nowhere etc"])
  func placeThatCannotBeUsedStaysAsItIs(own: String) throws {
    try shell(own)
    defer { try? shell("chattr -i etc/f 2>/dev/null || true") }
    let before = try contents()
    #expect(try LentFile(Self.lent, mode: 0o644, at: "/etc/f", in: root) == nil)
    #expect(try contents() == before)
  }
}
