import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// Nodes share what an archive has signed. What a node's apt makes of it, no other node uses.
@Suite("Indices that nodes share", .requiresRoot, .serialized)
struct SharedIndicesTests {
  private static let store = Result { try PackageStore() }

  let first: PackageNode
  /// The package of the archive: another file in each test, because all nodes share what was fetched.
  private let tool = DebPackage("tool", files: ["/usr/share/tool": .init("\(UUID())\n")])
  private var server: HTTPServer { first.repository.server }

  init() throws { first = try PackageNode(in: Self.store.get(), publishing: [tool]) }

  /// How often the signed index was asked for, and how often the list of packages was sent.
  private func fetched() throws -> [Int] {
    [server.requests(for: first.repository.releasePath), try server.bodies(for: first.repository.indexPath)]
  }

  /// Replaces a node's apt-get by a script that adds a package to the lists after each update.
  private func plant(in node: PackageNode, alsoIn release: Bool = false) throws {
    let script = """
      #!/bin/sh
      /usr/bin/apt-get.real "$@" || exit
      case "$*" in *update*) ;; *) exit 0;; esac
      cd /run/ast/apt/lists
      for list in *_Packages; do
        old=$(sha256sum <"$list"); size=$(wc -c <"$list"); touch -r "$list" /tmp/time
        sed 's/^Package: tool$/Package: planted/' "$list" >/tmp/planted
        printf '\\n' >>"$list"; cat /tmp/planted >>"$list"; touch -r /tmp/time "$list"
        new=$(sha256sum <"$list"); release=$(echo *_InRelease); touch -r "$release" /tmp/time
        \(release ? "sed -i \"s/ ${old%% *} $size / ${new%% *} $(wc -c <\"$list\") /\" \"$release\"" : ":")
        touch -r /tmp/time "$release"
      done
      """
    try node.shell("mv /usr/bin/apt-get /usr/bin/apt-get.real")
    try node.store.ast(
      ["-q", "run", "\(node.id)", "sh", "-c", "cat >/usr/bin/apt-get; chmod 755 /usr/bin/apt-get"], input: script
    ).expectSuccess()
  }

  /// Checks that a node installs the archive's package, and knows no other.
  private func expectHonest(_ node: PackageNode, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let planted = try node.ast("install", "planted")
    #expect(planted.status == 3, "\(planted)", sourceLocation: sourceLocation)
    try node.ast("install", "tool").expectSuccess()
    #expect(try node.added() == ["tool:all 1.0"], sourceLocation: sourceLocation)
  }

  @Test(arguments: [false, true])
  func whatOneAptAddsIsInNoOtherNode(alsoInTheSignedIndex: Bool) throws {
    let others = [try first.clone(), try first.clone()]
    try plant(in: first, alsoIn: alsoInTheSignedIndex)
    // For the node itself it is there, in its lists and in the tables that are kept for it.
    for _ in 1...2 { try first.ast("install", "-n", "planted").expectSuccess() }
    #expect(try fetched() == [1, 1])
    try expectHonest(others[0])
    // The lists are not the signed ones, or the index is not, so the node has fetched its own.
    #expect(try fetched() == [2, 2])
    try expectHonest(others[1])
    #expect(try fetched() == [2, 2])
    // The other way round, too. (It may be that its own apt does not accept what it has itself made of the index.)
    try first.ast("refresh")
    try expectHonest(try others[0].clone())
    #expect(try Consistency.problems(of: first.store) == [])
  }

  @Test func equalNodesFetchOnce() throws {
    // What is installed in a node makes it no other kind of node.
    let branch = try first.branch()
    for node in [first, branch, try branch.clone()] {
      try expectHonest(node)
      #expect(try fetched() == [1, 1])
      #expect(first.sent(tool) == 1)
    }
  }

  /// The nodes' programs are not the same, so each apt looks at the signature; nothing is sent again.
  @Test func anotherAptVerifiesWhatIsThere() throws {
    let (other, distrustful) = (try first.clone(), try first.clone())
    try other.shell("echo >>/usr/lib/apt/methods/ftp")
    try distrustful.shell(
      "echo >>/usr/lib/apt/methods/ftp; cd /usr/bin; for program in sqv gpgv; do test ! -e $program || "
        + "{ printf '#!/bin/sh\\nexit 1\\n' >new; chmod 755 new; mv new $program; }; done")
    try expectHonest(first)
    try expectHonest(other)
    #expect(try fetched() == [1, 1])
    // Its own apt decides: it accepts no signature at all.
    let refused = try distrustful.ast("install", "tool")
    #expect(refused.status == 1 && refused.stderr.contains("cannot be fetched"), "\(refused)")
    #expect(try fetched()[0] > 1)
    // Whether there is something newer, each apt asks itself; the list comes once.
    try first.repository.publish([DebPackage("tool", version: "2.0")])
    server.forgetExchanges()
    let branch = try first.branch()
    try branch.shell("echo >>/usr/lib/apt/methods/ftp")
    try first.ast("tree-upgrade").expectSuccess()
    #expect(try [first, branch].map { try $0.added() } == [["tool:all 2.0"], ["tool:all 2.0"]])
    #expect(try fetched() == [2, 1])
  }

  /// An index that was signed long ago is still signed.
  @Test func anOlderIndexIsNotTakenForANewerOne() throws {
    let other = try first.clone()
    try first.shell(
      "cd /usr/bin; mv apt-get apt-get.real; printf '%s\\n' '#!/bin/sh' '/usr/bin/apt-get.real \"$@\" || exit' "
        + "'case \"$*\" in *update*) ;; *) exit 0;; esac' 'cd /run/ast/apt/lists; cp -p /etc/old/*s /etc/old/*e .' >apt-get; "
        + "chmod 755 apt-get")
    // The old lists are in the node.
    try other.ast("install", "-n", "tool").expectSuccess()
    try first.shell(
      "apt-get.real update; mkdir /etc/old; cd /var/lib/apt/lists; cp -p *_Packages *_InRelease /etc/old; rm *_*")
    try first.repository.publish([tool, DebPackage("newer")])
    try other.ast("refresh").expectSuccess()
    try first.ast("refresh").expectSuccess()
    #expect(try first.ast("install", "-n", "newer").status == 3)
    // What the other node has is of the day before yesterday, so it would take what is newer.
    let sets = "\(first.store.root)/cache/apt/indices"
    let days =
      "for s in \(sets)/*; do if grep -q '^Package: newer' $s/lists/*_Packages; then "
      + "touch -d '2 days ago' $s/configuration; fi; done"
    try runSuccessfully(["sh", "-euc", days])
    server.forgetExchanges()
    try other.ast("install", "newer").expectSuccess()
    #expect(server.requests(for: first.repository.releasePath) == 1)
    // Asked for what is newest, its apt asks the archive, too.
    try first.ast("refresh").expectSuccess()
    try runSuccessfully(["sh", "-euc", days])
    try other.ast("refresh").expectSuccess()
    try other.clone().ast("install", "-n", "newer").expectSuccess()
  }

  /// Where no signature is needed, or apt runs programs of the node, nodes share nothing that an apt has made.
  @Test(arguments: ["unsigned", "hook"])
  func aNodeKeepsToItselfWhatItCannotProve(how: String) throws {
    switch how {
    case "unsigned": try first.shell("echo 'Trusted: yes' >>/\(AptRepository.sourcesFile)")
    default:
      try first.shell(
        """
        echo 'APT::Update::Post-Invoke {"cd /etc && if [ -e hostile ]; then sh hostile; fi"; };' >/etc/apt/apt.conf.d/80hook
        """)
    }
    let other = try first.clone()
    if how == "unsigned" {
      try plant(in: first, alsoIn: true)
    } else {
      try first.store.ast(
        ["-q", "run", "\(first.id)", "sh", "-c", "cat >/etc/hostile"],
        input: "for l in /run/ast/apt/lists/*_Packages; do sed s/tool/planted/ $l >/tmp/l; cat /tmp/l >>$l; done\n"
      ).expectSuccess()
    }
    try first.ast("install", "-n", "planted").expectSuccess()
    try expectHonest(other)
    // A second command of the node has what the first one fetched.
    let before = try fetched()
    try other.ast("install", "-n", "tool").expectSuccess()
    #expect(try fetched() == before)
  }

  /// The files of packages are named for their checksums, which the host has compared: whoever fetched them.
  @Test func whatOneNodeFetchesIsCompared() throws {
    let other = try first.clone()
    try first.shell(
      "cd /usr/lib/apt; mv apt-helper helper; printf '%s\\n' '#!/bin/sh' '/usr/lib/apt/helper \"$@\"; status=$?' "
        + "'for f in /run/ast/partial/sha256-*; do printf x | dd of=$f bs=1 seek=9 conv=notrunc 2>/dev/null; done' "
        + "'exit $status' >apt-helper; chmod 755 apt-helper")
    let refused = try first.ast("install", "tool")
    #expect(refused.status == 1 && refused.stderr.contains("do not match the checksums"), "\(refused)")
    let cached = try FileManager.default.contentsOfDirectory(atPath: "\(first.store.root)/cache/apt/packages")
    let archive = first.repository.directory.appending(first.repository.path(of: tool))
    #expect(!cached.contains("sha256-\(try runSuccessfully(["sha256sum", archive.string]).prefix(64))"))
    try expectHonest(other)
    #expect(first.sent(tool) == 2)
  }
}
