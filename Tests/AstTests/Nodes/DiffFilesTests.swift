import SystemPackage
import TestSupport
import Testing

@Suite("diff of files", .requiresRoot)
struct DiffFilesTests {
  let store: TestStore

  /// Node 1 with some files, and its clones 2 and 3.
  init() throws {
    store = try TestStore()
    try store.ast("clone", "0", "one").expectSuccess()
    try change(1, "mkdir /etc/d /opt; echo a >/etc/d/a; echo b >/etc/b; echo c >/opt/c; ln -s b /etc/l")
    for _ in 2...3 { try store.ast("clone", "1").expectSuccess() }
  }

  private func change(_ node: Int, _ script: String) throws {
    try store.ast("run", "\(node)", "bash", "-euc", script).expectSuccess()
  }

  /// A script that adds a package to dpkg's database.
  private static let newPackage =
    "printf '\\nPackage: new\\nStatus: install ok installed\\nArchitecture: all\\nVersion: 1\\n' >>/var/lib/dpkg/status"

  @Test func showsWhatDiffersInTheConfiguration() throws {
    try change(2, "echo x >>/etc/b; mv /etc/d /etc/dir; chmod 700 /etc/dir/a; ln -sfn d /etc/l; echo x >/opt/x")
    try change(2, "echo new >/etc/new; mkdir -p /etc/y; rm /opt/c")
    let result = try store.ast("diff", "1", "2").expectSuccess()
    #expect(
      result.stdout == """
        ~ /etc/b (content)
        ~ /etc/d -> /etc/dir (renamed)
        ~ /etc/dir/a (mode)
        ~ /etc/l (target)
        + /etc/new
        + /etc/y

        """)
    #expect(result.stderr == "")
    let all = try store.ast("diff", "--files", "1", "2").expectSuccess()
    #expect(all.stdout == result.stdout + "- /opt/c\n+ /opt/x\n")
    let back = try store.ast("diff", "2", "1").expectSuccess()
    #expect(back.stdout.contains("~ /etc/dir -> /etc/d (renamed)\n") && back.stdout.contains("- /etc/new\n"))
  }

  @Test func packagesComeFirst() throws {
    try change(2, "\(Self.newPackage); touch /etc/a")
    #expect(try store.ast("diff", "1", "2").expectSuccess().stdout == "+ new:all 1\n+ /etc/a\n")
  }

  @Test func whatBothBranchesGotIsNoDifference() throws {
    for node in 2...3 { try change(node, "echo same >/etc/same; echo \(node) >/etc/other; mkdir /etc/dir") }
    #expect(try store.ast("diff", "2", "3").expectSuccess().stdout == "~ /etc/other (content)\n")
  }

  @Test func theSameFactsAreInJSON() throws {
    try change(2, "mv /etc/d /etc/dir; chmod 600 /etc/b; echo x >>/etc/b; touch $'/etc/\\xff' $'/etc/a\\nb\\e[31m'")
    let result = try store.ast("diff", "--json", "1", "2").expectSuccess()
    let data = try result.json["data"]
    #expect(data.keys == ["files", "packages"])
    let files = data["files"].elements
    #expect(
      files.map { $0["path"] } == ["/etc/a\nb\u{1b}[31m", "/etc/b", "/etc/dir", "/etc/\u{fffd}"].map(JSON.text))
    #expect(files.map { $0["change"] } == ["added", "changed", "renamed", "added"].map(JSON.text))
    #expect(files.map { $0["from"] } == [.null, .null, .text("/etc/d"), .null])
    #expect(files[1]["differences"] == .array([.text("content"), .text("mode")]))
    // The output for people has one line each, without effect on the terminal.
    let text = try store.ast("diff", "1", "2").expectSuccess().stdout
    #expect(text.hasPrefix("+ /etc/a␊b␛[31m\n") && text.hasSuffix("+ /etc/\u{fffd}\n"))
  }

  @Test func otherUsersSeeThePackagesOnly() throws {
    try change(2, "touch /etc/new; \(Self.newPackage)")
    for arguments in [["diff", "1", "2"], ["diff", "--files", "1", "2"]] {
      let result = try store.astAsNobody(arguments)
      #expect(result.status == 0)
      #expect(result.stdout == "+ new:all 1\n")
      #expect(result.stderr == "ast: files are compared only for root (use sudo)\n")
    }
    let json = try store.astAsNobody(["diff", "--json", "1", "2"])
    #expect(try json.json["data"]["files"] == .null)
    #expect(json.stderr == "")
  }

  // MARK: Contents

  @Test func linesThatDifferAreShown() throws {
    try change(2, #"printf 'b\n\tx\e[31m\n' >/etc/b; mv /etc/d /etc/dir; echo x >>/etc/dir/a; ln -sfn d /etc/l"#)
    try change(2, #"printf 'a\0b' >/etc/zero; mkdir /etc/y; chmod 640 /etc/passwd; printf new >/etc/new"#)
    let result = try store.ast("diff", "--content", "1", "2@2").expectSuccess()
    #expect(
      result.stdout == """
        ~ /etc/b (content)
        --- 1:/etc/b
        +++ 2@2:/etc/b
        @@ -1 +1,2 @@
         b
        +\tx␛[31m
        ~ /etc/d -> /etc/dir (renamed)
        ~ /etc/dir/a (content)
        --- 1:/etc/d/a
        +++ 2@2:/etc/dir/a
        @@ -1 +1,2 @@
         a
        +x
        ~ /etc/l (target)
        --- 1:/etc/l
        +++ 2@2:/etc/l
        @@ -1 +1 @@
        --> b
        +-> d

        """)
    let more = try store.ast("diff", "--content", "2@2", "2").expectSuccess()
    #expect(
      more.stdout == """
        + /etc/new
        --- /dev/null
        +++ 2:/etc/new
        @@ -0,0 +1 @@
        +new
        \\ No newline at end of file
        ~ /etc/passwd (mode)
        + /etc/y
        + /etc/zero
          (not text)

        """)
    let files = try store.ast("diff", "--content", "--json", "2@2", "2").json["data"]["files"]
    #expect(files.elements[0].keys == ["change", "content", "diff", "differences", "from", "path"])
    #expect(files.each("content") == [.text("text"), .null, .null, .text("binary")])
    let text = "@@ -0,0 +1 @@\n+new\n\\ No newline at end of file\n"
    #expect(files.each("diff") == [.text(text), .null, .null, .null])
    // Without the option, the members are there and have no value.
    let plain = try store.ast("diff", "--json", "2@2", "2").json["data"]["files"]
    #expect(
      plain.elements[0].keys == files.elements[0].keys && plain.each("diff") == files.each("diff").map { _ in .null })
  }

  @Test func largeFilesAreNotCompared() throws {
    try change(2, "head -c 1048576 /dev/zero >/etc/edge; head -c 1048577 /dev/zero >/etc/large")
    let text = try store.ast("diff", "--content", "1", "2").expectSuccess().stdout
    #expect(text == "+ /etc/edge\n  (not text)\n+ /etc/large\n  (too large to be compared)\n")
    let files = try store.ast("diff", "--content", "--json", "1", "2").json["data"]["files"]
    #expect(files.each("content") == [.text("binary"), .text("omitted")])
  }

  /// A file that leads out of the node is not read, whatever is in its place meanwhile.
  @Test func nothingOutsideIsRead() throws {
    try change(2, "ln -s /etc/shadow /etc/out; ln -s ../../../../etc/shadow /etc/up; mknod /etc/pipe p")
    let text = try store.ast("diff", "--content", "1", "2").expectSuccess().stdout
    #expect(text.contains("+-> /etc/shadow\n") && text.contains("+ /etc/pipe\n+ /etc/up\n"), "\(text)")
    #expect(!text.contains("root:"))
  }

  @Test func optionsThatContradictEachOtherAreRefused() throws {
    for option in ["--files", "--content"] {
      let result = try store.ast("diff", "--packages", option, "1", "2")
      #expect(result.status == 2 && result.stderr.contains("excludes --files and --content"), "\(result)")
    }
  }
}
