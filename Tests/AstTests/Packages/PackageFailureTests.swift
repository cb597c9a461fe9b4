import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// Faults of packages, archives and nodes: each is reported, and does not change the node.
@Suite("Packages that fail", .requiresRoot, .serialized)
struct PackageFailureTests {
  private static let sound = DebPackage("sound", files: ["/usr/share/sound": "tut\n"])

  /// A package with a script that prints a reason and fails.
  private static func failing(_ script: DebPackage.Script, version: String = "1.0") -> DebPackage {
    DebPackage(
      "bad-\(script.rawValue)", version: version, files: ["/usr/share/bad-\(script.rawValue)": .init("\(version)\n")],
      scripts: [script: "echo about to fail; echo the moon is full >&2; exit 3"])
  }

  private static let packages = Result {
    try PackageStore(publishing: [
      sound, failing(.preinst), failing(.postinst), failing(.prerm), failing(.prerm, version: "2.0"), failing(.postrm),
      DebPackage("killed", scripts: [.postinst: "kill -9 $$"]),
      DebPackage("confused", scripts: [.postinst: "no-such-program"]),
      DebPackage("garbled", scripts: [.postinst: "printf 'a\\033[31mb\\377\\n' >&2; exit 1"]),
      DebPackage("talkative", scripts: [.postinst: "yes talking | head -n 100000; echo the end >&2; exit 1"]),
      DebPackage("needy", fields: ["Depends": "missing-thing"]),
      DebPackage("picky", fields: ["Depends": "sound (>= 2.0)"]),
      DebPackage("hostile", fields: ["Conflicts": "sound"]),
      DebPackage("first", files: ["/usr/share/shared": "first\n"]),
      DebPackage("second", files: ["/usr/share/shared": "second\n"]),
      DebPackage("huge", fields: ["Installed-Size": "99999999999"]),
    ])
  }

  // MARK: Packages

  @Test(arguments: [
    ("preinst", "new bad-preinst package pre-installation script"),
    ("postinst", "installed bad-postinst package post-installation script"),
  ])
  func scriptThatFailsAtTheInstallationDiscardsIt(script: String, what: String) throws {
    let node = try PackageNode(in: Self.packages.get())
    let before = try node.state()
    let checksum = try TestStore.checksum(of: node.content)
    let result = try node.ast("install", "sound", "bad-\(script)")
    #expect(result.status == 1)
    #expect(result.stdout == "")
    let message =
      "ast: node \(node.id): bad-\(script) failed: \(what) subprocess returned error exit status 3"
      + " (the moon is full); the changes are discarded"
    #expect(result.said.dropLast().last == message)
    let operation = try node.store.lastOperation(of: node.id)
    #expect(operation.state == "failed")
    #expect(operation.message.map { "ast: \($0)" } == message)
    // The hint names the file with the complete output.
    let log = result.said.last?.split(separator: " ").last.map(String.init) ?? ""
    let text = try String(contentsOfFile: log, encoding: .utf8)
    #expect(text.contains("about to fail\nthe moon is full\n"))
    try node.expectUntouched(since: before)
    #expect(try TestStore.checksum(of: node.content) == checksum)
    // The good package is not affected.
    try node.ast("install", "sound").expectSuccess()
  }

  @Test(arguments: [("prerm", "pre-removal"), ("postrm", "post-removal")])
  func scriptThatFailsAtTheRemovalDiscardsIt(script: String, what: String) throws {
    let node = try PackageNode(in: Self.packages.get())
    try node.ast("install", "bad-\(script)=1.0").expectSuccess()
    let before = try node.state()
    let result = try node.ast("remove", "bad-\(script)")
    #expect(result.status == 1)
    #expect(
      result.said.dropLast().last
        == "ast: node \(node.id): bad-\(script) failed: installed bad-\(script) package \(what)"
        + " script subprocess returned error exit status 3 (the moon is full); the changes are discarded")
    try node.expectUntouched(since: before)
  }

  @Test func scriptThatFailsAtTheUpgradeDiscardsIt() throws {
    let node = try PackageNode(in: Self.packages.get())
    try node.ast("install", "bad-prerm=1.0").expectSuccess()
    let before = try node.state()
    for command in [["upgrade"], ["install", "bad-prerm=2.0"]] {
      let result = try node.store.ast([command[0], "\(node.id)"] + command.dropFirst())
      #expect(result.status == 1)
      #expect(result.stderr.contains("ast: node \(node.id): bad-prerm failed: "), "\(result)")
      #expect(result.stderr.contains("exit status 3 (the moon is full)"), "\(result)")
      try node.expectUntouched(since: before)
    }
    #expect(try node.text(of: "usr/share/bad-prerm") == "1.0\n")
  }

  @Test(arguments: [
    ("killed", "killed failed: ", "subprocess was killed by signal"),
    ("confused", "confused failed: ", "no-such-program: not found"),
    ("garbled", "garbled failed: ", "exit status 1"), ("talkative", "talkative failed: ", "(the end)"),
    ("needy", "needy : Depends: missing-thing but it is not installable", "; nothing was changed"),
    ("picky", "picky : Depends: sound (>= 2.0)", ""),
  ])
  func packageThatCannotBeInstalledIsNamedWithTheReason(package: String, what: String, why: String) throws {
    let node = try PackageNode(in: Self.packages.get())
    let before = try node.state()
    let result = try node.ast("install", package)
    #expect(result.status == 1)
    let message = result.said.first { $0.hasPrefix("ast: ") } ?? ""
    #expect(message.contains(what), "\(result)")
    #expect(why.isEmpty || message.contains(why), "\(result)")
    #expect(message.utf8.count < 1000 && !message.contains("\u{1B}"), "\(message)")
    try node.expectUntouched(since: before)
  }

  /// An apt that does another thing than it said, and ends well.
  @Test(arguments: [
    ("echo 'W: no more today' >&2; exit", "sound is not installed, and not 1.0 (apt: W: no more today)"),
    ("exit", "sound is not installed, and not 1.0, and apt gave no reason"),
    ("/usr/bin/apt-get.real -y remove first; exit", "sound is not installed, and not 1.0, and apt gave no reason"),
  ])
  func whatIsNotAsPlannedIsNamed(deed: String, sentence: String) throws {
    let node = try PackageNode(in: Self.packages.get())
    try node.ast("install", "first").expectSuccess()
    try node.shell("mv /usr/bin/apt-get /usr/bin/apt-get.real")
    try node.store.ast(
      ["-q", "run", "\(node.id)", "sh", "-c", "cat >/usr/bin/apt-get; chmod 755 /usr/bin/apt-get"],
      input: "#!/bin/sh\ncase \"$*\" in *Status-Fd*) \(deed);; esac\nexec /usr/bin/apt-get.real \"$@\"\n"
    ).expectSuccess()
    let before = try node.state()
    let result = try node.ast("install", "sound")
    #expect(result.status == 1)
    let line = result.said.first { $0.hasPrefix("ast: ") } ?? ""
    #expect(
      line == "ast: node \(node.id): apt did not do what was planned: \(sentence); the changes are discarded",
      "\(result)")
    try node.expectUntouched(since: before)
  }

  @Test func packagesThatConflictAreNotInstalledTogether() throws {
    let node = try PackageNode(in: Self.packages.get())
    let before = try node.state()
    let result = try node.ast("install", "sound", "hostile")
    #expect(result.status == 1)
    #expect(result.stderr.contains("hostile : Conflicts: sound"), "\(result)")
    try node.expectUntouched(since: before)
  }

  @Test func fileOfTwoPackagesIsAConflict() throws {
    let node = try PackageNode(in: Self.packages.get())
    try node.ast("install", "first").expectSuccess()
    let before = try node.state()
    let result = try node.ast("install", "second")
    #expect(result.status == 1)
    #expect(
      result.stderr.contains(
        "ast: node \(node.id): second failed: trying to overwrite '/usr/share/shared', which is also in package first (1.0)"
      ), "\(result)")
    #expect(try node.text(of: "usr/share/shared") == "first\n")
    try node.expectUntouched(since: before)
  }

  // MARK: Archives

  /// A new node, and the text that must be in the message.
  private func failure(
    _ node: PackageNode, _ words: String..., naming parts: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let before = try node.state()
    let result = try node.store.ast(["install", "\(node.id)"] + words)
    #expect(result.status == 1, "\(result)", sourceLocation: sourceLocation)
    let message = result.said.first { $0.hasPrefix("ast: ") } ?? ""
    for part in parts { #expect(message.contains(part), "\(result)", sourceLocation: sourceLocation) }
    #expect(message.utf8.count < 1500, "\(message)", sourceLocation: sourceLocation)
    try node.expectUntouched(since: before, sourceLocation: sourceLocation)
  }

  private func node() throws -> PackageNode {
    try PackageNode(in: Self.packages.get(), publishing: [Self.sound])
  }

  @Test func archiveThatIsDownIsNamed() throws {
    let own = DebPackage("own", files: ["/usr/share/own": "of this test alone\n"])
    let node = try PackageNode(in: Self.packages.get(), publishing: [own])
    // apt waits longer before each of its tries.
    try node.shell("echo 'Acquire::Retries 0;' >/etc/apt/apt.conf.d/retries")
    node.repository.server.stop()
    try failure(
      node, "own", naming: "the package indices of node \(node.id) cannot be fetched", node.repository.server.uri)
    try node.repository.server.start()
    try node.ast("refresh").expectSuccess()
    node.repository.server.stop()
    try failure(node, "own", naming: "the packages for node \(node.id) cannot be fetched", "own_1.0_all.deb")
    try node.repository.server.start()
    try node.ast("install", "own").expectSuccess()
  }

  @Test func badSignatureIsRefused() throws {
    let node = try node()
    try node.repository.spoilSignature()
    try failure(
      node, "sound", naming: "the package indices of node \(node.id) cannot be fetched", node.repository.server.uri,
      "is not signed")
    try node.repository.publish([Self.sound])
    try node.ast("install", "sound").expectSuccess()
  }

  @Test func badSignatureDoesNotHideBehindOlderIndices() throws {
    let node = try node()
    try node.ast("refresh").expectSuccess()
    try node.repository.publish([Self.sound])
    try node.repository.spoilSignature()
    try failure(node, "--refresh", "sound", naming: "the package indices of node \(node.id) cannot be fetched")
  }

  @Test func indexThatIsCutShortIsRefused() throws {
    let node = try node()
    let index = node.repository.directory.appending(try node.repository.indexPath)
    try runSuccessfully(["truncate", "--size=-20", index.string])
    try failure(
      node, "sound", naming: "the package indices of node \(node.id) cannot be fetched", node.repository.server.uri)
  }

  @Test func packageWithAnotherContentIsNotKept() throws {
    // The size differs from those of other tests, because the cache knows files by their content.
    let own = DebPackage("own", files: ["/usr/share/own": .init(String(repeating: "own", count: 1234))])
    let node = try PackageNode(in: Self.packages.get(), publishing: [own])
    try node.ast("refresh").expectSuccess()
    try node.repository.spoilContent(of: own)
    try failure(node, "own", naming: "own_1.0_all.deb", "Hash Sum mismatch")
    for directory in ["packages", "partial"] {
      let kept = ["find", node.store.root.appending("cache/apt/\(directory)").string, "-type", "f"]
      for file in try runSuccessfully(kept).lines {
        #expect(try runSuccessfully(["head", "-c", "7", file]) == "!<arch>", "\(file)")
      }
    }
    try node.repository.publish([own])
    try node.ast("install", "own").expectSuccess()
    #expect(try node.shell("dpkg --verify own") == [])
  }

  @Test(arguments: ["--size=-100", "--size=+100", "--size=0"])
  func packageOfAnotherSizeIsRefused(change: String) throws {
    let own = DebPackage("own", files: ["/usr/share/own": .init(String(repeating: change, count: 999))])
    let node = try PackageNode(in: Self.packages.get(), publishing: [own])
    try node.ast("refresh").expectSuccess()
    try runSuccessfully(["truncate", change, node.repository.directory.appending(node.repository.path(of: own)).string])
    try failure(node, "own", naming: "own_1.0_all.deb")
    try node.repository.publish([own])
    try node.ast("install", "--refresh", "own").expectSuccess()
    #expect(try node.shell("dpkg --verify own") == [])
  }

  @Test func missingPackageIsNamed() throws {
    let own = DebPackage("vanished")
    let node = try PackageNode(in: Self.packages.get(), publishing: [own])
    try node.ast("refresh").expectSuccess()
    try node.repository.remove(own)
    try failure(node, "vanished", naming: "vanished_1.0_all.deb", "404  Not Found")
  }

  // MARK: Nodes

  @Test func brokenPackageDatabaseIsTold() throws {
    let node = try node()
    try node.shell("printf 'Package: \\nthis is no field\\n\\n' >>/var/lib/dpkg/status")
    try failure(node, "sound", naming: "dpkg/status")
  }

  @Test func nodeWithoutAptIsTold() throws {
    let node = try node()
    try node.shell("rm /usr/bin/apt-get")
    let before = try node.state()
    for verb in [["install", "sound"], ["remove", "sound"], ["upgrade"], ["refresh"]] {
      let result = try node.store.ast([verb[0], "\(node.id)"] + verb.dropFirst())
      #expect(result.status == 1)
      #expect(result.said == ["ast: node \(node.id) has no apt-get: it is not a Debian with apt"])
    }
    try node.expectUntouched(since: before)
  }

  /// Work that dpkg and apt report as successful can be wrong all the same.
  @Test(arguments: [
    ("/^Package: sound$/,/^$/s/^Status: .*/Status: install ok half-configured/", "(dpkg --audit)", "sound"),
    ("/^Package: sound$/a Depends: missing-thing", "(apt-get check)", "missing-thing"),
  ])
  func nodeThatWouldNotBeInOrderIsDiscarded(edit: String, check: String, what: String) throws {
    let node = try node()
    let invoke = "DPkg::Post-Invoke { \"sed -i '\(edit)' /usr/lib/sysimage/dpkg/status\"; };"
    try node.shell("echo '\(invoke.replacing("'", with: "'\\''"))' >/etc/apt/apt.conf.d/meddling")
    try failure(node, "sound", naming: "node \(node.id) would not be in order \(check)", what)
  }

  // MARK: Space

  @Test func packageThatIsTooLargeIsRefusedBeforeItIsFetched() throws {
    let node = try PackageNode(in: Self.packages.get())
    let before = try node.state()
    let history = try node.ast("history").stdout
    let result = try node.ast("install", "huge")
    #expect(result.status == 7)
    #expect(result.said.last?.contains("`ast del`") == true)
    #expect(
      result.said.first?.hasPrefix("ast: no space left on the store's file system: this needs 1048576 MiB, and ")
        == true,
      "\(result)")
    let huge = DebPackage("huge", fields: ["Installed-Size": "99999999999"])
    #expect(node.sent(huge) == 0)
    #expect(try node.ast("history").stdout == history)
    try node.expectUntouched(since: before)
  }

  @Test func fullDiskDiscardsTheInstallation() throws {
    let disk = try LoopBtrfs.small(size: 640 << 20)
    defer { disk.remove() }
    // The package understates its installed size.
    let balloon = DebPackage(
      "balloon", fields: ["Installed-Size": "1"],
      scripts: [.postinst: "dd if=/dev/urandom of=/usr/share/balloon bs=1M count=2000"])
    let packages = try Self.packages.get()
    let store = TestStore(existing: try disk.newDirectory())
    try store.ast("init", "--directory", packages.store.content(of: 0).string).expectSuccess()
    let node = try PackageNode(in: store, publishing: [balloon, Self.sound])
    try node.ast("refresh").expectSuccess()
    let before = try node.state()
    let result = try node.ast("install", "balloon")
    #expect(result.status == 7, "\(result)")
    #expect(
      result.stderr.contains("no space left on the store's file system: node \(node.id): balloon failed"), "\(result)")
    try node.expectUntouched(since: before)

    // A disk without space for a package or an index.
    try runSuccessfully([
      "sh", "-c", "dd if=/dev/zero of=\"$1\"/ballast bs=1M conv=fsync; sync --file-system \"$1\"", "sh",
      disk.root.string,
    ])
    for command in [["install", "sound"], ["install", "--refresh", "sound"], ["refresh"], ["upgrade"]] {
      let result = try store.ast([command[0], "\(node.id)"] + command.dropFirst())
      #expect(result.status == 7, "\(command): \(result)")
    }
    try runSuccessfully(["rm", disk.root.appending("ballast").string])
    try runSuccessfully(["sync", "--file-system", disk.root.string])
    try node.expectUntouched(since: before)
    try node.ast("install", "sound").expectSuccess()
  }
}
