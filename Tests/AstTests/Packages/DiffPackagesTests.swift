import SystemPackage
import TestSupport
import Testing

/// `diff --packages`: what an upgrade changed.
@Suite("diff of packages", .requiresRoot, .serialized)
struct DiffPackagesTests {
  private static let older = [
    DebPackage("tool", version: "1.0-1"), DebPackage("plain", version: "1.0"), DebPackage("rebuilt", version: "1.0-1"),
    DebPackage("doomed", version: "3"), DebPackage("steady", version: "1.0"),
  ]
  private static let newer = [
    DebPackage("tool", version: "1.2-1", fields: ["Depends": "fresh"]), DebPackage("plain", version: "2.0"),
    DebPackage("rebuilt", version: "1.0-1+b1", fields: ["Source": "rebuilt (1.0-1)"]),
    DebPackage("fresh", version: "0.5"), DebPackage("steady", version: "1.0"),
  ]

  /// A node whose generation 3 has the older packages, and whose last one the newer ones with their documents.
  private static let made = Result {
    let node = try PackageNode(in: PackageStore().store, publishing: older)
    try node.store.ast(["install", "-y", "\(node.id)"] + older.map(\.name)).expectSuccess()
    try node.store.ast("pin", "\(node.id)@3").expectSuccess()
    try node.repository.publish(newer)
    try node.ast("remove", "-y", "doomed").expectSuccess()
    try node.ast("upgrade", "-y").expectSuccess()
    try node.shell(documents)
    return node
  }

  /// Changelogs as Debian's packages have them: compressed, of a rebuild, of a native package, in a directory that is a
  /// link; and one that is damaged.
  private static let documents = #"""
    entry() { printf '%s (%s) unstable; urgency=medium\n\n  * %s\n\n -- A <a@b>  Mon, 01 Dec 2025 10:00:00 +0000\n\n' "$@"; }
    cd /usr/share/doc
    rm -rf tool plain rebuilt fresh
    mkdir -p tool-common plain rebuilt fresh
    ln -s tool-common tool
    { entry tool 1.2-1 'Second step.'; entry tool 1.1-1 'First step.'; entry tool 1.0-1 'Beginning.'; } |
      gzip -9n >tool-common/changelog.Debian.gz
    entry tool 1.1-1 "$(printf 'Read this.\033[31m')" | gzip -9n >tool-common/NEWS.Debian.gz
    entry tool 0.1 'Nothing new.' >>tool-common/NEWS.Debian
    { entry plain 2.0 'Native.'; entry plain 1.0 'Beginning.'; } >plain/changelog
    entry rebuilt 1.0-1+b1 'Rebuild.' | gzip -9n >rebuilt/changelog.Debian.all.gz
    entry rebuilt 1.0-1 'Beginning.' | gzip -9n >rebuilt/changelog.Debian.gz
    entry fresh 0.5 'New.' | gzip -9n >fresh/changelog.Debian.gz
    """#

  private let node: PackageNode
  private var store: TestStore { node.store }
  private var first: String { "\(node.id)@3" }

  init() throws { node = try Self.made.get() }

  @Test func packagesAreListedByKindOfChange() throws {
    let result = try store.ast("diff", "--packages", first, "\(node.id)").expectSuccess()
    #expect(
      result.stdout == """
        New (1):
          fresh  0.5
        Gone (1):
          doomed  3
        Upgraded (3):
          plain    1.0 -> 2.0
          rebuilt  1.0-1 -> 1.0-1+b1
          tool     1.0-1 -> 1.2-1
        1 new, 1 gone, 3 upgraded.

        """)
    #expect(result.stderr == "")
    let back = try store.ast("diff", "--packages", "\(node.id)", first).expectSuccess().stdout.lines
    #expect(back.last == "1 new, 1 gone, 3 downgraded.")
    #expect(back.contains("Downgraded (3):") && back.contains("  tool     1.2-1 -> 1.0-1"))
    #expect(try store.ast("diff", "--packages", first, first).expectSuccess().stdout == "")
  }

  @Test func whatIsNewInAPackageIsInItsChangelog() throws {
    let text = try store.ast("diff", "--packages", "--changelog", first, "\(node.id)").expectSuccess().stdout
    let tool = text.lines.drop { !$0.hasPrefix("  tool") }.dropLast()
    #expect(
      Array(tool)
        == [
          "  tool     1.0-1 -> 1.2-1", "    News:", "    tool (1.1-1) unstable; urgency=medium", "",
          "      * Read this.␛[31m", "", "     -- A <a@b>  Mon, 01 Dec 2025 10:00:00 +0000", "",
          "    tool (1.2-1) unstable; urgency=medium", "", "      * Second step.", "",
          "     -- A <a@b>  Mon, 01 Dec 2025 10:00:00 +0000", "", "    tool (1.1-1) unstable; urgency=medium", "",
          "      * First step.", "", "     -- A <a@b>  Mon, 01 Dec 2025 10:00:00 +0000",
        ].filter { !$0.isEmpty })
    #expect(text.contains("* Native.") && text.contains("* Rebuild.") && !text.contains("Beginning."))
    #expect(!text.contains("* New."))
  }

  @Test func theSameIsInJSON() throws {
    let data = try store.ast("diff", "--packages", "--changelog", "--json", first, "\(node.id)").json["data"]
    #expect(data["files"] == .null)
    let packages = data["packages"].elements
    try #require(packages.count == 5)
    #expect(packages[0].keys == ["architecture", "change", "changelog", "from", "name", "news", "to"])
    #expect(packages.map { $0["name"] } == ["doomed", "fresh", "plain", "rebuilt", "tool"].map(JSON.text))
    #expect(packages.map { $0["news"] == .null } == [true, true, true, true, false])
    #expect(packages.map { $0["changelog"] == .null } == [true, true, false, false, false])
    guard case .text(let log) = packages[4]["changelog"] else { return #expect(Bool(false), "\(packages[4])") }
    #expect(log.hasPrefix("tool (1.2-1) unstable") && log.hasSuffix("+0000") && !log.contains("1.0-1"))
    let plain = try store.ast("diff", "--packages", "--json", first, "\(node.id)").json["data"]["packages"]
    #expect(plain.each("changelog") == plain.elements.map { _ in .null })
  }

  /// A downgrade shows what is missing then.
  @Test func aDowngradeShowsWhatGoes() throws {
    let text = try store.ast("diff", "--packages", "--changelog", "\(node.id)", first).expectSuccess().stdout
    #expect(text.contains("* Second step.") && text.contains("* Native.") && !text.contains("Beginning."))
  }

  /// Whatever lies in place of a changelog: nothing outside the node is read, and nothing takes long.
  @Test func changelogsOfANodeCanBeAnything() throws {
    let other = try node.clone()
    try other.shell(
      """
      cd /usr/share/doc; rm -rf tool plain rebuilt
      mkdir -p tool plain/changelog.gz rebuilt
      ln -s /../../../../../../../../etc/shadow tool/changelog.Debian
      mknod tool/NEWS.Debian p
      { printf 'rebuilt (9) x; y\\n'; head -c 300000000 /dev/zero; } | gzip -1 >rebuilt/changelog.Debian.gz
      """)
    let text = try store.ast("diff", "--packages", "--changelog", first, "\(other.id)").expectSuccess().stdout
    #expect(text.lines.count { $0 == "    (no changelog in /usr/share/doc)" } == 2, "\(text.prefix(2000))")
    #expect(!text.contains("root:") && text.utf8.count < 300_000)
    #expect(text.contains("rebuilt (9) x; y\n"))
  }

  @Test func usersSeeThePackages() throws {
    let result = try store.astAsNobody(["diff", "--packages", "--changelog", first, "\(node.id)"])
    #expect(result.status == 0 && result.stdout.lines.last == "1 new, 1 gone, 3 upgraded.")
    #expect(result.stderr == "ast: changelogs are shown only to root (use sudo)\n")
    let plain = try store.astAsNobody(["diff", "--packages", first, "\(node.id)"])
    #expect(plain.stderr == "" && plain.stdout == result.stdout)
  }
}
