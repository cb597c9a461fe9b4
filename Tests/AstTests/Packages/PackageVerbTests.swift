import SystemPackage
import TestSupport
import Testing

@Suite("Package verbs", .requiresRoot)
struct PackageVerbTests {
  /// A store whose node 1 has another set of packages than the base.
  private static func store() throws -> TestStore {
    let store = try TestStore()
    try store.ast("clone", "0", "other").expectSuccess()
    let script = """
      printf 'Package: %s\\nStatus: install ok installed\\nArchitecture: %s\\nVersion: %s\\n\\n' \
      alpha amd64 1.0-2 gamma all 3 > /var/lib/dpkg/status
      """
    try store.ast("run", "1", "sh", "-c", script).expectSuccess()
    return store
  }

  @Test func listShowsThePackagesOfANode() throws {
    let store = try Self.store()
    #expect(try store.ast("list", "0").stdout == "alpha:amd64 1.0-1\nbeta:all 2:0.5\n")
    #expect(try store.ast("list", "1").stdout == "alpha:amd64 1.0-2\ngamma:all 3\n")
  }

  @Test func diffShowsWhatChanges() throws {
    let store = try Self.store()
    #expect(
      try store.ast("diff", "0", "1").stdout == """
        ~ alpha:amd64 1.0-1 -> 1.0-2 (upgraded)
        - beta:all 2:0.5
        + gamma:all 3

        """)
    #expect(try store.ast("diff", "1", "0").stdout.contains("~ alpha:amd64 1.0-2 -> 1.0-1 (downgraded)"))
    #expect(try store.ast("diff", "1", "1").stdout.isEmpty)
  }

  @Test func whichNamesTheNodesThatHaveAPackage() throws {
    let store = try Self.store()
    #expect(
      try store.ast("which", "alpha", "gamma").stdout == """
        0 - base snapshot: alpha:amd64 1.0-1
        1 - other: alpha:amd64 1.0-2
        1 - other: gamma:all 3

        """)
    #expect(try store.ast("which", "alpha:i386").status == 3)
    let missing = try store.ast("which", "delta")
    #expect(missing.status == 3)
    #expect(missing.stderr == "ast: no node has delta\n")
  }
}
