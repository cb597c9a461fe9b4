import FoundationEssentials
import SnapshotTree
import SystemPackage
import TestSupport
import Testing

@Suite("Deploy", .requiresRoot)
struct DeployTests {
  private let disk: BootDisk
  private var store: TestStore { disk.store }

  init() throws { disk = try BootDisk() }

  private func expectUnchanged(_ arguments: [String], status: Int32, _ message: String) throws {
    let before = try StoreContents(store)
    let result = try store.ast(arguments)
    #expect(result.status == status, "\(result)")
    #expect(result.stdout == "")
    #expect(result.stderr.hasPrefix("ast: \(message)\n") || result.stderr.contains("\nast: \(message)\n"), "\(result)")
    #expect(try StoreContents(store) == before)
    #expect(try Consistency.problems(of: store) == [])
  }

  /// Records that a deployment has come up, as the machine does.
  private func markGood(_ deployment: Int) throws {
    let tree = try TreeDatabase(opening: store.database, .writing)
    try tree.write { try $0.setState(.good, of: DeploymentID(deployment)) }
  }

  @Test func whatStartsAsItWasIsSaid() throws {
    let disk = try BootDisk()
    let store = disk.store
    try store.ast("deploy", "1").expectSuccess()
    try store.ast("tag", "1", "server").expectSuccess()
    let sentence = "the next start is of node 1 as it was; `ast deploy 1` brings what has changed"
    #expect(try store.ast("run", "1", "true").expectSuccess().stderr == "ast: node 1: nothing was changed\n")
    let changed = try store.ast("run", "1", "touch", "/new").expectSuccess()
    #expect(changed.stderr == "ast: node 1: changes kept as generation 3\nast: \(sentence)\n")
    #expect(try store.ast("-q", "run", "1", "touch", "/quiet").expectSuccess().stderr == "")
    #expect(try store.ast("status").expectSuccess().stdout.contains(sentence))
    #expect(try !store.ast("clone", "1").expectSuccess().stderr.contains(sentence))
    #expect(try !store.ast("run", "2", "touch", "/x").expectSuccess().stderr.contains(sentence))
    try store.ast("undo", "--to", "2", "1").expectSuccess()
    #expect(try !store.ast("status").expectSuccess().stdout.contains(sentence))
    #expect(try store.ast("restore", "1@3", "/new").expectSuccess().stderr.hasSuffix("ast: \(sentence)\n"))
    #expect(try store.ast("deployments").expectSuccess().stdout.contains("tag server"))
    let history = try store.ast("history", "1").expectSuccess().stdout.lines
    #expect(history.contains { $0.hasPrefix("generation 2") && $0.hasSuffix(", deployment 1") }, "\(history)")
    #expect(try !store.ast("deploy", "1").expectSuccess().stderr.contains(sentence))
    #expect(try !store.ast("status").expectSuccess().stdout.contains(sentence))
  }

  @Test func deploymentIsTheGenerationAndTheMenuStartsIt() throws {
    let generation = try TestStore.checksum(of: store.content(of: 1))
    let result = try store.ast("deploy", "1")
    #expect(result.stdout == "Node 1 is deployment 1; it boots at the next start.\n")
    #expect(result.stderr == "ast: making a deployment of node 1\n")
    let notes = disk.root(of: 1).appending("etc/.ast").string
    #expect(
      try runSuccessfully(["find", notes, "-printf", "%m %y %s %P\\n"]).lines.dropFirst().map {
        $0.split(separator: " ").last
      } == ["seed", "start"])
    #expect(try runSuccessfully(["stat", "--format", "%a %F", notes]) == "700 directory\n")
    try runSuccessfully(["rm", "-r", notes])
    #expect(try TestStore.checksum(of: disk.root(of: 1)) == generation)
    #expect(try TestStore.checksum(of: store.content(of: 1)) == generation)
    let menu = try MenuFiles(of: store)
    #expect(menu.texts["tree-1.cfg"]?.contains("menuentry 'one - node 1 (generation 2, ") ?? false)
    #expect(menu.standard == "ast-1")
    #expect(menu.entries == ["ast-1", "ast-trial-1"])
    #expect(
      menu.files.map(\.string) == [
        "@snapshots/deploy/1/root/boot/vmlinuz-\(BootDisk.version)",
        "@snapshots/nodes/1/2/boot/vmlinuz-\(BootDisk.version)",
      ])
    #expect(try Consistency.problems(of: store) == [])
    #expect(try Consistency.findingsOfDoctor(store) == [])
  }

  /// Files that chattr(1) protects follow the machine like others, in the deployment and in the node.
  @Test func protectedFilesAreNoObstacle() throws {
    func change(_ deployment: Int, _ script: String) throws {
      try runSuccessfully(["sh", "-euc", "cd \"$1/etc\"; \(script)", "sh", disk.root(of: deployment).string])
    }
    func protected(_ etc: FilePath, _ files: String) throws -> String {
      try runSuccessfully(["sh", "-euc", "cd \"$1\"; lsattr -d \(files) | cut -c 5-6", "sh", etc.string])
    }
    try store.ast("deploy", "1").expectSuccess()
    try change(1, "echo a >fixed; echo a >log; chattr +i fixed fstab passwd; chattr +a log")
    try store.ast("etc-update").expectSuccess()
    #expect(try protected(store.content(of: 1).appending("etc"), "fixed fstab passwd log") == "i-\ni-\ni-\n-a\n")
    try store.ast("deploy", "1").expectSuccess()
    try change(2, "chattr -i fixed; echo b >fixed; chattr +i fixed; chattr -a log; rm log")
    try store.ast("deploy", "1").expectSuccess()
    try store.ast("etc-update").expectSuccess()
    for etc in try [disk.root(of: 3).appending("etc"), store.content(of: 1).appending("etc")] {
      #expect(try String(contentsOfFile: etc.appending("fixed").string, encoding: .utf8) == "b\n")
      #expect(try protected(etc, "fixed fstab passwd") == "i-\ni-\ni-\n")
      #expect(!FileManager.default.fileExists(atPath: etc.appending("log").string))
    }
    #expect(try Consistency.problems(of: store) == [])
  }

  @Test func whatIsMissingIsCompleted() throws {
    try store.ast("run", "1", "sh", "-ec", "rm -r /srv /etc/machine-id; echo '# mine' >/etc/fstab").expectSuccess()
    try store.ast("deploy", "1").expectSuccess()
    let fstab = try String(contentsOfFile: disk.root(of: 1).appending("etc/fstab").string, encoding: .utf8)
    let lines = fstab.split(separator: "\n").map { $0.split(separator: " ") }
    #expect(lines.first == ["#", "mine"])
    #expect(
      lines.dropFirst().map { $0[1] } == [
        "/", "/.snapshots", "/var", "/home", "/root", "/srv", "/boot/grub", "/tmp",
      ])
    let identity = try String(contentsOfFile: disk.root(of: 1).appending("etc/machine-id").string, encoding: .utf8)
    #expect(identity.count == 33 && identity.dropLast().allSatisfy(\.isHexDigit))
    #expect(FileManager.default.fileExists(atPath: disk.root(of: 1).appending("srv").string))
  }

  @Test func changesInEtcComeAlongAndTheDeploymentBeforeStaysAsItIs() throws {
    try store.ast("deploy", "1").expectSuccess()
    let etc = disk.root(of: 1).appending("etc")
    try runSuccessfully(["sh", "-ec", "echo mine >$0/mine; echo changed >$0/both", etc.string])
    let before = try TestStore.checksum(of: disk.root(of: 1))
    try store.ast("run", "1", "sh", "-c", "echo new >/etc/both; echo new >/etc/new").expectSuccess()
    let result = try store.ast("deploy", "1")
    let conflict = "/etc/both: changed here and by the new generation; yours stays, the new one is "
    #expect(
      result.stderr == "ast: making a deployment of node 1\nast: \(conflict)/etc/both.ast.dpkg-dist\n", "\(result)")
    let made = disk.root(of: 2).appending("etc").string
    #expect(
      try runSuccessfully(["sh", "-c", "cd $0; head mine both both.ast.dpkg-dist new", made]) == """
        ==> mine <==
        mine

        ==> both <==
        changed

        ==> both.ast.dpkg-dist <==
        new

        ==> new <==
        new

        """)
    #expect(try TestStore.checksum(of: disk.root(of: 1)) == before)
    try store.ast("deploy", "--etc=fresh", "1").expectSuccess()
    #expect(!FileManager.default.fileExists(atPath: disk.root(of: 3).appending("etc/mine").string))
  }

  @Test func simulationTellsWhatWouldBecomeOfEtcAndChangesNothing() throws {
    try store.ast("deploy", "1").expectSuccess()
    try runSuccessfully(["sh", "-ec", "echo mine >$0", disk.root(of: 1).appending("etc/both").string])
    try store.ast("run", "1", "sh", "-c", "echo new >/etc/both").expectSuccess()
    let before = try StoreContents(store)
    let result = try store.ast("deploy", "--dry-run", "1")
    #expect(
      result.stdout == """
        Node 1 would be deployed. In its /etc:
          /etc/both: changed here and by the new generation; yours stays, the new one is /etc/both.ast.dpkg-dist

        """)
    #expect(try StoreContents(store) == before)
    try store.ast("run", "1", "sh", "-c", "echo mine >/etc/both").expectSuccess()
    let other = try store.ast("deploy", "-n", "1").expectSuccess()
    #expect(other.stdout == "Node 1 would be deployed; nothing in /etc is in conflict.\n")
    let once = try store.ast("deploy", "-n", "--once", "1").expectSuccess()
    #expect(once.stdout == "Node 1 would be deployed for the next start only; nothing in /etc is in conflict.\n")
    let added = try store.ast("deploy", "-n", "--no-default", "1").expectSuccess()
    #expect(added.stdout == "Node 1 would be added to the boot menu only; nothing in /etc is in conflict.\n")
  }

  /// Whatever a node has in place of the notes is replaced, and nothing of it is followed.
  @Test func notesForTheFirstStartAreMadeAnew() throws {
    for script in ["ln -s /srv /etc/.ast", "mkdir -p /etc/.ast/seed/x; echo x >/etc/.ast/x"] {
      try store.ast("run", "1", "sh", "-ec", "rm -rf /etc/.ast; \(script)").expectSuccess()
      try store.ast("deploy", "1").expectSuccess()
      let last = try DeploymentListing(store).data.map(\.deployment).max() ?? 0
      let find = ["find", disk.root(of: last).appending("etc/.ast").string, "-printf", "%m %y %P\\n"]
      #expect(try runSuccessfully(find).lines.dropFirst().sorted() == ["600 f seed", "600 f start"])
      #expect(try store.ast("etc-diff").expectSuccess().stdout == "")
      #expect(try store.ast("etc-update").expectSuccess().stdout.contains("nothing was changed"))
    }
  }

  /// One that never had the unit, and one that got an older ast by that one's `ast ast-sync`.
  @Test(arguments: [
    "rm /usr/lib/systemd/system/ast-var.service", "echo 'mount --bind /etc /etc' >/usr/lib/ast/mount-etc",
  ])
  func anAstThatIsTooOldForTheFirstStartIsTold(_ change: String) throws {
    try store.ast("run", "1", "sh", "-c", change).expectSuccess()
    let result = try store.ast("deploy", "1").expectSuccess()
    #expect(
      result.stderr.lines.contains(
        "ast: warning: the ast in node 1 is too old to add to /var what its packages need: "
          + "`ast ast-sync 1`, and deploy it again"))
  }

  @Test func aNodeWithoutAstIsTold() throws {
    try store.ast("run", "1", "rm", "-r", "/usr/lib/ast").expectSuccess()
    let result = try store.ast("deploy", "1").expectSuccess()
    #expect(
      result.stderr.lines.contains(
        "ast: warning: node 1 has no ast, so nothing will find its starts good: after three of them the machine falls "
          + "back; `ast ast-sync 1` puts it in"))
  }

  @Test func kernelArgumentsAreWhatTheNodesOwnShellMakesOfItsConfiguration() throws {
    let script = #"""
      mkdir -p /etc/default/grub.d
      echo 'GRUB_CMDLINE_LINUX="console=ttyS0"; mode=fast' >/etc/default/grub
      echo 'GRUB_CMDLINE_LINUX_DEFAULT="mode=$mode words=\"a b\""' >/etc/default/grub.d/own.cfg
      """#
    try store.ast("run", "1", "sh", "-ec", script).expectSuccess()
    try store.ast("deploy", "1").expectSuccess()
    let text = try #require(MenuFiles(of: store).texts["menu.cfg"])
    #expect(text.contains("'console=ttyS0' 'mode=fast' 'words=a b'"), "\(text)")
  }

  @Test func brokenConfigurationOfTheBootLoaderKeepsTheNodeOutOfTheMenu() throws {
    let result = try store.ast("run", "1", "sh", "-ec", "mkdir -p /etc/default; echo 'a=\"' >/etc/default/grub")
    #expect(result.status == 0)
    #expect(result.stderr.contains("ast: warning: cannot read /etc/default/grub of node 1: "), "\(result)")
    let deployed = try store.ast("deploy", "1")
    #expect(deployed.status == 1)
    #expect(deployed.stderr.contains("ast: cannot read /etc/default/grub of node 1: "), "\(deployed)")
    #expect(try Consistency.problems(of: store) == [])
  }

  @Test func requestsThatCannotBeMetChangeNothing() throws {
    try expectUnchanged(["deploy", "7"], status: 3, "there is no node 7")
    let kernel = "has no kernel with an initrd and modules, and cannot boot; nothing was changed"
    try expectUnchanged(["deploy", "0"], status: 5, "node 0 \(kernel)")
    try store.ast("clone", "1").expectSuccess()
    try store.ast("run", "2", "rm", "/sbin/init").expectSuccess()
    try expectUnchanged(["deploy", "2"], status: 5, "node 2 has no /sbin/init, and cannot boot; nothing was changed")
    try expectUnchanged(
      ["rollback"], status: 5, "nothing is deployed, so there is nothing to go back to; nothing was changed")
    try expectUnchanged(["pin", "1"], status: 3, "there is no deployment 1; nothing was changed")
    try store.ast("deploy", "1").expectSuccess()
    try expectUnchanged(
      ["rollback"], status: 5, "no other deployment is known to be good; nothing was changed")
    try expectUnchanged(
      ["rollback", "--to", "1"], status: 5, "deployment 1 is the default already; nothing was changed")
    try expectUnchanged(["rollback", "--to", "9"], status: 3, "there is no deployment 9; nothing was changed")
    try store.ast("clone", "1").expectSuccess()
    try runSuccessfully(["sed", "-i", "/efi/d", disk.root(of: 1).appending("etc/fstab").string])
    try expectUnchanged(
      ["deploy", "--once", "3"], status: 5,
      "GRUB cannot record a one-time boot: /etc/fstab has no EFI system partition; nothing was changed")
    let elsewhere = try TestStore()
    let result = try elsewhere.ast("deploy", "0")
    #expect(result.status == 5)
    #expect(result.stderr.hasPrefix("ast: no machine boots from the disk of \(elsewhere.root); nothing was changed\n"))
  }

  @Test func whatBootsIsChosenAndPutBack() throws {
    try store.ast("deploy", "1").expectSuccess()
    try markGood(1)
    #expect(
      try store.ast("deploy", "1").stdout
        == "Node 1 is deployment 2; it boots at the next start; deployment 1 is the fallback.\n")
    #expect(
      try store.ast("deploy", "--no-default", "1").stdout == "Node 1 is deployment 3; it is in the boot menu.\n")
    #expect(
      try store.ast("deploy", "--once", "1").stdout
        == "Node 1 is deployment 4; it boots at the next start, and only then.\n")
    #expect(try MenuFiles(of: store).standard == "ast-2")
    // Neither gives way to what is in the menu only.
    try store.ast("deploy", "--no-default", "1").expectSuccess()
    #expect(try DeploymentListing(store).data.filter(\.once).map(\.deployment) == [4])
    #expect(
      try store.ast("deploy", "--once", "1").stdout.hasPrefix(
        "Node 1 is deployment 6; it boots at the next start, and only then, instead of deployment 4.\n"))
    #expect(
      try store.ast("rollback").stdout == "Deployment 1 (node 1) boots at the next start, instead of deployment 2.\n")
    let deployments = try DeploymentListing(store).data
    #expect(deployments.map(\.deployment) == [6, 5, 4, 2, 1])
    #expect(deployments.filter(\.isDefault).map(\.deployment) == [1])
    #expect(deployments.filter(\.once).isEmpty)
    #expect(try MenuFiles(of: store).standard == "ast-1")
    #expect(try Consistency.problems(of: store) == [])
  }

  /// What was to be booted once is not what a later `deploy` says of itself.
  @Test func theNextStartIsWhatWasChosenLast() throws {
    try store.ast("deploy", "--once", "1").expectSuccess()
    let made = try store.ast("deploy", "--json", "1").expectSuccess().json["data"]
    #expect(made["supersededOnce"] == .number(1) && made["deleted"] == .array([]))
    #expect(try DeploymentListing(store).data.filter(\.once).isEmpty)
    try store.ast("deploy", "--once", "1").expectSuccess()
    #expect(
      try store.ast("deploy", "1").stdout.hasPrefix(
        "Node 1 is deployment 4; it boots at the next start, instead of deployment 3"))
    #expect(try MenuFiles(of: store).standard == "ast-4")
  }

  @Test func oneDeploymentIsDeleted() throws {
    try store.ast("deploy", "1").expectSuccess()
    try store.ast("deploy", "--no-default", "1").expectSuccess()
    try store.ast("deploy", "--once", "1").expectSuccess()
    try expectUnchanged(
      ["del", "-y", "d1"], status: 5, "deployment 1 is the default and cannot be deleted; nothing was changed")
    try expectUnchanged(
      ["del", "-y", "d3"], status: 5, "deployment 3 boots at the next start and cannot be deleted; nothing was changed")
    try store.ast("pin", "d2").expectSuccess()
    try expectUnchanged(
      ["del", "-y", "d2"], status: 5, "deployment 2 is pinned and cannot be deleted; nothing was changed")
    try store.ast("unpin", "d2").expectSuccess()
    try expectUnchanged(["del", "-y", "d9"], status: 3, "there is no deployment 9; nothing was changed")
    #expect(
      try store.ast("del", "-n", "d2").stdout.hasPrefix(
        "Would be deleted: deployment 2 (generation 2 of node 1), which frees "))
    #expect(try store.ast("del", "-y", "d2").stdout == "Deployment 2 deleted; node 1 stays.\n")
    #expect(try DeploymentListing(store).data.map(\.deployment) == [3, 1])
    #expect(try !MenuFiles(of: store).files.contains { $0.string.contains("deploy/2/") })
    #expect(try store.ast("info", "d1").expectSuccess().stdout.contains("State:       not booted yet, default"))
    #expect(try store.ast("info", "d2").status == 3)
    #expect(try Consistency.problems(of: store) == [])
  }

  @Test func oldDeploymentsGoUnlessTheyArePinned() throws {
    try store.ast("deploy", "1").expectSuccess()
    #expect(try store.ast("pin", "1").stdout == "Deployment 1 is pinned.\n")
    #expect(try store.ast("pin", "1").stdout == "Deployment 1 is pinned already; nothing was changed.\n")
    for _ in 2...4 { try store.ast("deploy", "1").expectSuccess() }
    #expect(
      try store.ast("deploy", "1").stdout.lines.last
        == "Deployment 2 was deleted, as there are newer ones; `ast pin` keeps one.")
    try store.ast("deploy", "1").expectSuccess()
    #expect(try DeploymentListing(store).data.map(\.deployment) == [6, 5, 4, 1])
    #expect(try Consistency.problems(of: store) == [])
    try store.ast("unpin", "1").expectSuccess()
    try store.ast("deploy", "1").expectSuccess()
    #expect(try DeploymentListing(store).data.map(\.deployment) == [7, 6, 5])
    #expect(try Consistency.problems(of: store) == [])
  }

  @Test func entriesOfTheTreeFollowEachCommit() throws {
    try store.ast("deploy", "1").expectSuccess()
    func nodes() throws -> [String] {
      try MenuFiles(of: store).files.map { $0.removingLastComponent().removingLastComponent().string }.filter {
        $0.contains("/nodes/")
      }
    }
    try store.ast("run", "1", "touch", "/more").expectSuccess()
    try store.ast("clone", "1").expectSuccess()
    #expect(try nodes() == ["@snapshots/nodes/1/3", "@snapshots/nodes/2/1"])
    try store.ast("undo", "1").expectSuccess()
    try store.ast("run", "2", "rm", "/boot/initrd.img-\(BootDisk.version)").expectSuccess()
    #expect(try nodes() == ["@snapshots/nodes/1/2"])
    try store.ast("clone", "1").expectSuccess()
    try store.ast("del", "-y", "3").expectSuccess()
    #expect(try nodes() == ["@snapshots/nodes/1/2"])
    #expect(try Consistency.problems(of: store) == [])
  }

  @Test(arguments: [
    "it's \"quoted\" $HOME `x` \\ {} ; # end", "two\nlines\tand\r\u{1b}[31m", String(repeating: "long ", count: 60),
    "🐧 ünïcode \u{202e}reversed", "'", "\\", "$(reboot)", "menuentry 'x' {",
  ])
  func descriptionsAreDataToTheBootLoader(description: String) throws {
    try store.ast("desc", "1", "--", description).expectSuccess()
    try store.ast("deploy", "1").expectSuccess()
    let menu = try MenuFiles(of: store)
    #expect(menu.entries == ["ast-1", "ast-trial-1"])
    for text in menu.texts.values { #expect(try run(["grub-script-check"], input: text).status == 0) }
    #expect(try Consistency.problems(of: store) == [])
  }

  @Test func bootLoaderDirectoryThatCannotBeWrittenChangesNothing() throws {
    try store.ast("deploy", "1").expectSuccess()
    let grub = disk.path(of: "@grub").string
    try runSuccessfully(["btrfs", "property", "set", grub, "ro", "true"])
    let before = try StoreContents(store)
    let result = try store.ast("deploy", "1")
    #expect(result.status == 1)
    #expect(result.stderr.contains("the boot menu cannot be written: Read-only file system"), "\(result)")
    #expect(try StoreContents(store) == before)
    try runSuccessfully(["btrfs", "property", "set", grub, "ro", "false"])
    try store.ast("tmp").expectSuccess()
    #expect(try Consistency.problems(of: store) == [])
  }

  @Test func aMenuThatAnotherCommandChangesMeanwhileIsRight() throws {
    try store.ast("deploy", "1").expectSuccess()
    let work = try store.start(["run", "1", "sh", "-c", "touch /more; sleep 2"])
    try eventually("the run") { try store.ast("info", "1").stdout.contains("run running") }
    try store.ast("clone", "1", "two").expectSuccess()
    #expect(work.isRunning)
    #expect(try work.wait().status == 0)
    #expect(try MenuFiles(of: store).entries == ["ast-1", "ast-trial-1", "ast-trial-2"])
    #expect(try Consistency.problems(of: store) == [])
  }

  @Test func whatAKilledCommandLeftBesideTheMenuIsRemoved() throws {
    try store.ast("deploy", "1").expectSuccess()
    try runSuccessfully(
      ["touch", "menu.cfg.new", "tree-9.cfg.new.ast-new"], in: disk.path(of: "@grub").appending("ast"))
    try store.ast("deploy", "1").expectSuccess()
    #expect(try Consistency.problems(of: store) == [])
  }

  @Test func twoAtOnceAreBothMade() throws {
    try store.ast("clone", "1").expectSuccess()
    let commands = try ["1", "2"].map { try store.start(["deploy", $0]) }
    for command in commands {
      let result = try command.wait()
      #expect(result.status == 0, "\(result)")
    }
    #expect(try Set(DeploymentListing(store).data.map(\.node)) == [1, 2])
    #expect(try Consistency.problems(of: store) == [])
  }

  @Test func doctorFindsWhatIsMissingAndWhatIsStrange() throws {
    try store.ast("deploy", "1").expectSuccess()
    try store.ast("deploy", "1").expectSuccess()
    try runSuccessfully(["btrfs", "subvolume", "delete", disk.root(of: 1).string])
    try runSuccessfully(["mkdir", store.root.appending("deploy/mine").string])
    let result = try store.ast("-q", "doctor")
    #expect(result.status == 1)
    #expect(
      result.stdout == """
        WRONG     deployment 1 is missing: there is no subvolume \(disk.root(of: 1))
        WRONG     \(store.root)/deploy/mine does not belong to a deployment: ast did not make it, or its row is lost

        """)
  }

  @Test func theMenuGoesWithTheLastDeployment() throws {
    try store.ast("deploy", "--no-default", "1").expectSuccess()
    let old = try MenuFiles(of: store)
    #expect(old.entries == ["ast-1", "ast-trial-1"])
    try store.ast("del", "-y", "1").expectSuccess()
    #expect(try MenuFiles(of: store).entries == [])
    #expect(try store.ast("doctor").expectSuccess().stdout == "")
    // An older ast has left it.
    let menu = disk.path(of: "@grub").appending("ast/menu.cfg")
    try Data((old.texts["menu.cfg"] ?? "").utf8).write(to: URL(filePath: menu.string))
    #expect(
      try store.ast("doctor").expectSuccess().stdout
        == "repaired  the boot menu named deployments, and there are none\n")
    #expect(try MenuFiles(of: store).entries == [])
    #expect(try store.ast("doctor").expectSuccess().stdout == "")
  }

  /// The configuration of the boot loader is a program, which need not end, and its output need not, either.
  @Test(arguments: [
    ("while :; do :; done", "its shell has not ended within 10 seconds"),
    (
      "GRUB_CMDLINE_LINUX=$(printf %020000d 0)",
      "the kernel arguments are longer than 16384 bytes"
    ),
  ])
  func configurationOfTheBootLoaderWithoutAnEnd(script: String, reason: String) throws {
    let result = try store.ast("run", "1", "sh", "-c", "mkdir -p /etc/default; cat >/etc/default/grub", input: script)
    #expect(result.status == 0)
    #expect(
      result.stderr.contains("cannot read /etc/default/grub of node 1: \(reason); the node is not in the boot menu"),
      "\(result)")
    #expect(try Consistency.problems(of: store) == [])
  }

  /// The tool that GRUB brings gets the file, and not its name.
  @Test func aKernelThatLeadsOutsideIsNone() throws {
    try store.ast("run", "1", "sh", "-c", "mv /boot /old; ln -s /../../../../../../dev /boot; touch /dev/x")
      .expectSuccess()
    #expect(try store.ast("deploy", "1").status == 5)
    #expect(try Consistency.problems(of: store) == [])
  }
}
