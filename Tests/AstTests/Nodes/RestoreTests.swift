import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

@Suite("restore", .requiresRoot)
struct RestoreTests {
  /// Node 1, whose generation 2 has files that generation 3 changes.
  private let store: TestStore

  init() throws {
    store = TestStore(existing: try LoopBtrfs.shared.newDirectory())
    let base = try Self.base.get()
    try store.ast("init", "--directory", base.string).expectSuccess()
    try store.ast("clone", "0", "one").expectSuccess()
    try change(
      """
      mkdir -p /etc/d/deep /opt/s; echo a >/etc/d/a; echo b >/etc/b; ln -s b /etc/l; ln /etc/d/a /etc/d/other
      chmod 4750 /etc/d/a; chown 7:8 /etc/b; truncate --size=1M /opt/s/holes; echo end >>/opt/s/holes; mkfifo /opt/s/f
      ln -s /etc /opt/s/out
      """)
    try change("rm -r /etc/d /etc/b; echo new >/etc/b; mkdir /etc/d; echo x >/etc/d/x; ln -sfn d /etc/l; rm -r /opt/s")
    try store.ast("pin", "1@2").expectSuccess()
  }

  /// The tiny root, with programs that make unusual files.
  private static let base = Result {
    let base = try LoopBtrfs.shared.newDirectory().appending("base")
    try runSuccessfully(["cp", "-a", "\(try TinyRoot.path)", base.string])
    try runSuccessfully(
      ["cp", "-L"] + ["chown", "truncate", "mkfifo", "readlink"].map { "/usr/bin/\($0)" } + ["\(base)/usr/bin"])
    // An access control list (acl(5)): version 2, then tag, permissions and number of the owner, user 7, the group, the
    // mask and all others.
    let script = """
      import os, struct, sys
      open(sys.argv[1], 'w')
      os.setxattr(sys.argv[1], 'user.note', b'hello')
      entries = (1, 6, 0xffffffff), (2, 4, 7), (4, 4, 0xffffffff), (16, 4, 0xffffffff), (32, 4, 0xffffffff)
      acl = struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *entry) for entry in entries)
      os.setxattr(sys.argv[1], 'system.posix_acl_access', acl)
      """
    try runSuccessfully(["python3", "-c", script, "\(base)/etc/p"])
    return base
  }

  private func change(_ script: String) throws {
    try store.ast("run", "1", "bash", "-euc", script).expectSuccess()
  }

  private func inNode(_ script: String) throws -> String {
    try store.ast("-q", "run", "1", "bash", "-euc", script).stdout
  }

  @Test func theGenerationStaysForMoreOfItsFiles() throws {
    try store.ast("unpin", "1@2").expectSuccess()
    try store.keepingAll("run", "1", "rm", "/etc/p")
    #expect(try store.generations(of: 1) == [1, 2, 3, 4])
    let result = try store.ast("restore", "1@1", "/etc/p").expectSuccess()
    #expect(
      result.stdout.lines.suffix(2) == [
        "To see what it changed: `ast diff --content 1`.",
        "Generation 1@1 is kept until the next change of node 1; `ast pin 1@1` keeps it for good.",
      ])
    #expect(try store.generations(of: 1) == [1, 3, 4, 5])
    #expect(try store.ast("gc", "-y").expectSuccess().stdout == "")
    #expect(
      try store.ast(["gc", "-y"], environment: store.settings("gc.keep-generations = 2")).expectSuccess().stdout == "")
    let narrower = try store.ast("gc", "-n", "--json", "--keep", "3").expectSuccess().json["data"]["generations"]
    #expect(narrower.each("generation") == [.number(1)])
    #expect(
      try store.ast("gc", "-n").expectSuccess().stdout.hasPrefix(
        """
        Nothing to delete.
        1 old generation of node 1 is kept after `ast restore`, until its next change; `ast gc --keep 3` deletes it now.

        """))
    let wouldFree = try store.ast("gc", "-n", "--keep", "3").expectSuccess().stdout
    #expect(
      wouldFree.contains("Deleting these generations frees ")
        && wouldFree.hasPrefix("Would be deleted:\nGenerations:\n  1 of node 1,"))
    #expect(try store.generations(of: 1) == [1, 3, 4, 5])
    try change("echo >/etc/new")
    #expect(try store.generations(of: 1) == [4, 5, 6])
    let gone = try store.ast("restore", "1@1", "/etc/p")
    #expect(gone.status == 3)
    #expect(
      gone.stderr == """
        ast: node 1 has no generation 1 any more; nothing was changed
             `ast history 1` shows its generations; `ast config --set gc.keep-generations=10` keeps more of them, \
        `ast pin` or `ast tag` a single one

        """)
    // One that stays anyway is not talked about.
    let settings = try store.settings("gc.keep-generations = 100")
    #expect(try store.ast(["restore", "1@4", "/etc/new"], environment: settings).status != 0)
    #expect(try store.ast(["restore", "1@4", "/etc"], environment: settings).expectSuccess().stdout.lines.count == 2)
  }

  @Test func filesComeBackAsTheyWere() throws {
    let before = try store.state()
    let simulated = try store.ast("restore", "-n", "1@2", "/etc/b", "/etc/d", "etc//d/../d/a").expectSuccess()
    #expect(
      simulated.stdout.lines == [
        "Would be restored:", "  ~ /etc/b (content, owner)", "  + /etc/d/a", "  + /etc/d/deep", "  + /etc/d/other",
        "  - /etc/d/x",
      ])
    #expect(try store.state() == before)
    let result = try store.ast("restore", "1@-1", "/etc/b", "/etc/d").expectSuccess()
    #expect(result.stdout.lines.first == "Node 1: 5 files as in 1@2, generation 4.")
    #expect(
      try store.ast("diff", "--files", "1@2", "1").stdout
        == "~ /etc/l (target)\n- /opt/s\n- /opt/s/f\n- /opt/s/holes\n- /opt/s/out\n")
    #expect(try inNode("stat --format '%a %u:%g %h' /etc/d/a /etc/b") == "4750 0:0 2\n644 7:8 1\n")
    let again = try store.ast("restore", "1@2", "/etc/b").expectSuccess()
    #expect(again.stdout == "Node 1: it has these files as they are in 1@2; nothing was changed.\n")
    // Directories that are gone are made again.
    try store.ast("restore", "1@2", "/opt/s/holes", "/opt/s/f", "/etc/l").expectSuccess()
    #expect(
      try inNode("stat --format '%F %s' /opt/s/f /opt/s/holes; readlink /etc/l") == "fifo 0\nregular file 1048580\nb\n")
    #expect(try inNode("stat --format %b /opt/s/holes") == "8\n")
    try store.ast("undo", "1").expectSuccess()
    #expect(try inNode("ls /opt") == "")
    #expect(try Consistency.problems(of: store) == [])
    #expect(try Consistency.findingsOfDoctor(store) == [])
  }

  @Test func whatIsNotThereChangesNothing() throws {
    try change("rm -r /etc/d; ln -s /root /etc/d")
    let before = try store.state()
    let cases: [(paths: [String], status: Int32, sentence: String)] = [
      (["1@2", "/nope"], 3, "generation 1@2 has no /nope; nothing was changed"),
      (["1@2", "/etc/b", "/etc/b/c"], 3, "generation 1@2 has no /etc/b/c; nothing was changed"),
      (
        ["1@2", "/opt/s/out/b"], 3,
        "generation 1@2 has no /opt/s/out/b: /opt/s/out is a symbolic link there; nothing was changed"
      ),
      (["1@2", "/"], 2, "/ is the whole node; nothing was changed"),
      (["1@2", "../etc/b"], 2, "../etc/b is not below the root of the node; nothing was changed"),
      (["1@2", ""], 2, "the name of a file is empty"),
      (["1@2"], 2, "Missing expected argument '<path> ...'"),
      (["1", "/etc/b"], 2, "“1” is node 1 as it is now, and a generation is needed; nothing was changed"),
      (["1@9", "/etc/b"], 3, "node 1 has no generation 9; nothing was changed"),
      (["0@1", "/etc/b"], 3, "generation 0@1 has no /etc/b; nothing was changed"),
      (["1@2", "--to", "/nonexistent", "/etc/b"], 1, "cannot open /nonexistent: No such file or directory"),
    ]
    for (paths, status, sentence) in cases {
      let result = try store.ast(["restore"] + paths)
      #expect(result.status == status, "\(paths)")
      #expect(result.stderr.lines.first == "ast: \(sentence)", "\(paths)")
      #expect(result.stdout == "")
    }
    #expect(try store.state() == before)
    // What was a directory leads elsewhere now.
    let refused = try store.ast("restore", "1@2", "/etc/d/a")
    #expect(refused.status == 5)
    #expect(
      refused.stderr
        == "ast: /etc/d is not a directory in node 1 now; nothing was changed\n     restore /etc/d itself\n")
    #expect(try inNode("ls -A /root") == "")
    try store.ast("restore", "1@2", "/etc/d").expectSuccess()
    #expect(try inNode("cat /etc/d/a") == "a\n")
  }

  @Test func filesAreCopiedOutAndReplacedOnlyIfThatIsMeant() throws {
    let directory = try LoopBtrfs.shared.newDirectory()
    let before = try store.state()
    let result = try store.ast("restore", "--to", directory.string, "1@2", "/etc/d", "/etc/b", "/opt/s/out")
      .expectSuccess()
    #expect(result.stdout == ["b", "d", "out"].map { "\(directory)/\($0)\n" }.joined())
    func listing() throws -> String {
      try runSuccessfully(["sh", "-c", "cd \(directory) && find . -printf '%P %y %m %U:%G %l\\n' | sort && cat b d/a"])
    }
    let there = try listing()
    #expect(
      there.contains("b f 644 7:8 \n") && there.contains("d/a f 4750 0:0 \n") && there.contains("out l 777 0:0 /etc\n"))
    #expect(there.hasSuffix("b\na\n"))
    let asked = try store.ast("restore", "--to", directory.string, "1@2", "/etc/b")
    #expect(asked.status == 2)
    #expect(asked.stderr.hasPrefix("ast: this needs confirmation, and there is no terminal; nothing was changed\n"))
    let twice = try store.ast("restore", "--to", directory.string, "1@2", "/etc/d/deep", "/etc/d/other")
    #expect(twice.status == 0)
    try store.ast("-y", "restore", "--to", directory.string, "1", "/etc/b", "/etc/d").expectSuccess()
    #expect(
      try runSuccessfully(["sh", "-c", "cd \(directory) && cat b; ls -A d; ls -A"])
        == "new\nx\nb\nd\ndeep\nother\nout\n")
    #expect(try store.state() == before)
  }

  @Test func attributesAreKept() throws {
    try change("rm /etc/p")
    try store.ast("restore", "1@-1", "/etc/p").expectSuccess()
    let directory = try LoopBtrfs.shared.newDirectory()
    try store.ast("restore", "--to", directory.string, "1", "/etc/p").expectSuccess()
    for file in [try store.content(of: 1).appending("etc/p"), directory.appending("p")] {
      #expect(try attributes(of: file) == "b'hello' True\n")
    }
  }

  @Test func protectionAndAttributesComeToAnotherFileSystemToo() throws {
    // Nothing in a sandbox may protect a file, but a node can come with one.
    let base = try LoopBtrfs.shared.newDirectory().appending("base")
    try runSuccessfully(["cp", "-a", "\(try Self.base.get())", base.string])
    try runSuccessfully(["chattr", "+i", "\(base)/etc/p"])
    defer { _ = try? runSuccessfully(["chattr", "-i", "\(base)/etc/p"]) }
    let store = TestStore(existing: try LoopBtrfs.shared.newDirectory())
    try store.ast("init", "--directory", base.string).expectSuccess()
    try store.ast("clone", "0").expectSuccess()
    try store.ast("run", "1", "touch", "/etc/later").expectSuccess()
    let directory = FilePath("/tmp/ast-restore-\(UUID().uuidString)")
    try runSuccessfully(["mkdir", directory.string])
    defer { _ = try? runSuccessfully(["sh", "-c", "chattr -i \(directory)/p; rm -r \(directory)"]) }
    try store.ast("restore", "--to", directory.string, "1@-1", "/etc/p", "/usr/bin/bash").expectSuccess()
    #expect(try attributes(of: directory.appending("p")) == "b'hello' True\n")
    #expect(try runSuccessfully(["lsattr", "-d", "\(directory)/p"]).contains("i"))
    try runSuccessfully(["cmp", "\(directory)/bash", store.content(of: 1).appending("usr/bin/bash").string])
    // What the machine's administrator protects stays.
    let refused = try store.ast("-y", "restore", "--to", directory.string, "1", "/etc/p")
    #expect(refused.status == 1 && refused.stderr.contains("`chattr -ia` changes that"), "\(refused.stderr)")
    #expect(try runSuccessfully(["ls", "-A", directory.string]) == "bash\np\n")
  }

  /// A note that is kept with a file, and whether user 7 may read it by an access control list.
  private func attributes(of file: FilePath) throws -> String {
    let script = """
      import os, sys
      acl = os.getxattr(sys.argv[1], 'system.posix_acl_access')
      print(os.getxattr(sys.argv[1], 'user.note'), acl[12:20] == bytes([2, 0, 4, 0, 7, 0, 0, 0]))
      """
    return try runSuccessfully(["python3", "-c", script, file.string])
  }
}
