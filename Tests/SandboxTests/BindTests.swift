import Glibc
import Sandbox
import SystemPackage
import TestSupport
import Testing

@Suite(.requiresRoot) struct BindTests {
  var fixture: Fixture
  let source: FilePath

  init() throws {
    fixture = try Fixture()
    source = fixture.directory.appending("source")
    try runSuccessfully(
      ["sh", "-euc", "mkdir -p source/directory; echo contents > source/file"], in: fixture.directory)
  }

  private func show(_ name: String, at target: FilePath, isReadOnly: Bool = true) -> Fixture {
    var fixture = fixture
    fixture.sandbox.binds = [.init(source.appending(name), at: target, isReadOnly: isReadOnly)]
    return fixture
  }

  @Test func fileIsShownReadOnly() throws {
    let outcome = try show("file", at: "/etc/motd").shell("cat /etc/motd; echo x > /etc/motd")
    #expect(outcome.stdout == "contents\n")
    #expect(outcome.stderr.contains("Read-only file system"))
    #expect(try runSuccessfully(["cat", source.appending("file").string]) == "contents\n")
  }

  @Test func directoryMayBeWritable() throws {
    let outcome = try show("directory", at: "/var/cache/apt", isReadOnly: false).shell("echo new > /var/cache/apt/file")
    #expect(outcome.status == 0)
    #expect(try runSuccessfully(["cat", source.appending("directory/file").string]) == "new\n")
  }

  @Test func setUserIDAndDevicesOfABindDoNotWork() throws {
    try runSuccessfully(
      [
        "sh", "-euc",
        "cp root/usr/bin/id source/directory/id; chmod 4755 source/directory/id; mknod source/directory/zero c 1 5",
      ],
      in: fixture.directory)
    let outcome = try show("directory", at: "/mnt").shell(
      "setpriv --reuid 65534 --clear-groups /mnt/id -u; head -c 1 /mnt/zero")
    #expect(outcome.stdout == "65534\n")
    #expect(outcome.stderr.contains("Permission denied"))
  }

  @Test(
    arguments: [
      ("file", "/etc/new", ["/etc/new"]),
      ("file", "/srv/a/b/new", ["/srv/a", "/srv/a/b", "/srv/a/b/new"]),
      ("directory", "/srv/a/new", ["/srv/a", "/srv/a/new"]),
    ] as [(String, FilePath, [FilePath])])
  func missingPlaceIsMadeAndLeavesNoTrace(name: String, target: FilePath, made: [FilePath]) throws {
    let listing = try fixture.listing()
    let outcome = try show(name, at: target).run(["test", "-e", target.string])
    #expect(outcome.status == 0)
    #expect(outcome.result.placeholders == made)
    #expect(try fixture.listing() == listing)
  }

  @Test func placeholderGoesWhenTheProgramCannotStart() throws {
    let listing = try fixture.listing()
    #expect(throws: SandboxError.self) { try show("file", at: "/srv/new").run(["no-such-program"]) }
    #expect(try fixture.listing() == listing)
  }

  @Test func changesNextToAPlaceholderStay() throws {
    let outcome = try show("file", at: "/srv/a/new").shell("touch -d @1 /srv; echo x > /srv/a/other")
    #expect(outcome.status == 0)
    #expect(
      try runSuccessfully(["sh", "-c", "ls -R srv; stat -c %Y srv"], in: fixture.root)
        == "srv:\na\n\nsrv/a:\nother\n1\n")
  }

  @Test func linkIntoRunGetsItsFileThere() throws {
    try fixture.prepare("ln -sfn ../run/systemd/resolve/stub-resolv.conf etc/resolv.conf")
    let listing = try fixture.listing()
    let outcome = try show("file", at: "/etc/resolv.conf").shell(
      "cat /etc/resolv.conf /run/systemd/resolve/stub-resolv.conf")
    #expect(outcome.stdout == "contents\ncontents\n")
    #expect(outcome.result.skippedBinds.isEmpty)
    #expect(try fixture.listing() == listing)
  }

  @Test(arguments: [
    ("ln -sfn /no/such/place etc/resolv.conf", Errno.noSuchFileOrDirectory),
    ("ln -sfn ../../../../no/such/place etc/resolv.conf", .noSuchFileOrDirectory),
    ("ln -sfn resolv.conf etc/resolv.conf", .tooManySymbolicLinkLevels),
    ("rm etc/resolv.conf; mkdir etc/resolv.conf", .isDirectory),
    ("mv etc other; touch etc", .notDirectory),
  ])
  func impossiblePlaceIsSkippedAndReported(preparation: String, reason: Errno) throws {
    try fixture.prepare(preparation)
    let listing = try fixture.listing()
    let outcome = try show("file", at: "/etc/resolv.conf").shell("exit 4")
    #expect(outcome.result.end == .exited(4))
    #expect(outcome.result.skippedBinds == [.init(target: "/etc/resolv.conf", reason: reason)])
    #expect(try fixture.listing() == listing)
  }

  /// A sealed generation is read, and apt in it still has to resolve names.
  @Test(arguments: ["rm etc/resolv.conf", "ln -sfn /no/such/place etc/resolv.conf", "true"])
  func placeInARootThatCannotBeChangedIsMadeAboveIt(preparation: String) throws {
    try fixture.prepare(preparation)
    try runSuccessfully(["btrfs", "property", "set", fixture.root.string, "ro", "true"])
    let outcome = try show("file", at: "/etc/resolv.conf").shell(
      "cat /etc/resolv.conf; head -c 5 /etc/passwd; echo; echo x >/etc/passwd; rm /etc/passwd")
    #expect(outcome.stdout == "contents\nroot:\n")
    #expect(outcome.status != 0)
    #expect(outcome.result.skippedBinds.isEmpty)
  }

  @Test func relativePlaceIsSkipped() throws {
    let outcome = try show("file", at: "etc/motd").run(["true"])
    #expect(outcome.result.skippedBinds == [.init(target: "etc/motd", reason: .invalidArgument)])
  }

  @Test func missingSourceIsAnError() throws {
    let error = try #require(throws: SandboxError.self) { try show("missing", at: "/mnt").run(["true"]) }
    #expect(error.step == .openSource)
    #expect(error.path == source.appending("missing"))
  }

  @Test func policyForbidsServices() throws {
    var fixture = fixture
    fixture.sandbox.startsServices = false
    let listing = try fixture.listing()
    let outcome = try fixture.shell(
      "/usr/sbin/policy-rc.d ssh start; echo $?; echo 'exit 0' > /usr/sbin/policy-rc.d; ls /run/ast")
    #expect(outcome.stdout == "101\nsandbox\n")
    #expect(outcome.stderr.contains("Read-only file system"))
    #expect(try fixture.listing() == listing)
    fixture.sandbox.startsServices = true
    #expect(try fixture.run(["test", "-e", "/usr/sbin/policy-rc.d"]).status == 1)
  }
}
