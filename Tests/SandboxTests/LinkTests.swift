import Glibc
import Sandbox
import SystemPackage
import TestSupport
import Testing

/// Symbolic links in the root that point at the host. Each test has a directory of the host to lose.
@Suite(.requiresRoot) struct LinkTests {
  let fixture: Fixture
  let victim: FilePath

  init() throws {
    fixture = try Fixture()
    victim = fixture.directory.appending("victim")
    try runSuccessfully(
      ["sh", "-euc", "mkdir victim; echo contents > victim/file; mkdir victim/resolv.conf"], in: fixture.directory)
  }

  private func stateOfVictim() throws -> String {
    try runSuccessfully(["sh", "-euc", "find . -exec stat -c '%n %F %a %Y' {} +; cat file"], in: victim)
  }

  /// Both ways to name the victim, and one that would be the root.
  private var targets: [String] { [victim.string, "../../../../../../../..\(victim)", "../../.."] }

  @Test(arguments: ["proc", "dev", "run", "sys"])
  func systemDirectoryThatIsALinkIsRefused(name: String) throws {
    let state = try stateOfVictim()
    for target in targets {
      try fixture.prepare("rm -rf \(name); ln -s \(target) \(name)")
      let error = try #require(throws: SandboxError.self) { try fixture.run(["true"]) }
      #expect(error.step == .makeMountPoint)
      #expect(error.description == "/\(name) of the node is a symbolic link; it must be a directory")
    }
    #expect(try stateOfVictim() == state)
  }

  @Test func linkedTemporaryDirectoryStaysInTheRoot() throws {
    try fixture.prepare("rm -rf tmp; ln -s var/tmp tmp")
    #expect(try fixture.shell("echo x > /tmp/file; cat /var/tmp/file").stdout == "x\n")
    let state = try stateOfVictim()
    for target in targets {
      try fixture.prepare("rm -rf tmp; ln -s \(target) tmp")
      _ = try fixture.shell("rm -rf /tmp/file /tmp/*; echo x > /tmp/file")
    }
    #expect(try stateOfVictim() == state)
  }

  @Test(arguments: ["etc/resolv.conf", "etc", "var/cache/apt", "var/cache", "var"])
  func placeOfABindBehindALinkStaysInTheRoot(link: String) throws {
    var fixture = fixture
    let cache = fixture.directory.appending("cache")
    try runSuccessfully(["mkdir", cache.string])
    fixture.sandbox.binds = [.resolverConfiguration, .init(cache, at: "/var/cache/apt", isReadOnly: false)]
    fixture.sandbox.startsServices = false
    let state = try stateOfVictim()
    for target in targets {
      try fixture.prepare("rm -rf \(link); ln -s \(target) \(link)")
      let outcome = try fixture.run([
        "/bin/sh", "-c", "echo x > /etc/resolv.conf; echo x > /var/cache/apt/file; exit 3",
      ])
      #expect(outcome.status == 3)
      #expect(try stateOfVictim() == state)
    }
  }

  @Test func placeholdersAreRemovedInsideTheRootOnly() throws {
    // The program exchanges the directory of a placeholder for a link to a host directory that has an empty file of that name.
    try runSuccessfully(["sh", "-euc", ": > victim/placeholder"], in: fixture.directory)
    var fixture = fixture
    fixture.sandbox.binds = [.init(victim.appending("file"), at: "/srv/a/placeholder")]
    let state = try stateOfVictim()
    let outcome = try fixture.shell("mv /srv/a /srv/b; ln -s \(victim) /srv/a; ln -s \(victim) /srv/c")
    #expect(outcome.status == 0)
    #expect(outcome.result.placeholders == ["/srv/a", "/srv/a/placeholder"])
    #expect(try stateOfVictim() == state)
  }
}
