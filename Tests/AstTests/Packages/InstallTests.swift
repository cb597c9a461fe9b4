import Glibc
import SystemPackage
import TestSupport
import Testing

@Suite("install", .requiresRoot, .serialized)
struct InstallTests {
  private static let library = DebPackage("library", files: ["/usr/share/library": "books\n"])
  private static let tool = DebPackage(
    "tool", fields: ["Depends": "library"], files: ["/usr/share/tool": "hammer\n"])
  private static let advised = DebPackage("advised", fields: ["Recommends": "manual"])
  private static let manual = DebPackage("manual", files: ["/usr/share/manual": "read me\n"])
  private static let greeter = DebPackage("greeter", files: ["/usr/share/greeter": "hello\n"])
  private static let newGreeter = DebPackage("greeter", version: "2.0", files: ["/usr/share/greeter": "welcome\n"])
  private static let native = DebPackage(
    "native", architecture: (try? AptRepository.architecture) ?? "", files: ["/usr/share/native": "native\n"])
  private static let configured = DebPackage(
    "configured", files: ["/usr/share/configured": "1\n"],
    conffiles: ["/etc/configured/main.conf": "loud=no\n", "/etc/configured/other.conf": "a=1\n"])
  private static let newConfigured = DebPackage(
    "configured", version: "2.0", files: ["/usr/share/configured": "2\n"],
    conffiles: ["/etc/configured/main.conf": "loud=very\n", "/etc/configured/other.conf": "a=2\n"])

  private static let packages = Result {
    try PackageStore(publishing: [
      library, tool, advised, manual, greeter, newGreeter, native, configured, newConfigured,
    ])
  }

  let node: PackageNode

  init() throws { node = try PackageNode(in: Self.packages.get()) }

  // MARK: From the archive

  @Test func packageComesWithWhatItNeeds() throws {
    let result = try node.ast("install", "tool").expectSuccess()
    #expect(result.stdout == "Node \(node.id): 2 installed, generation 2.\n")
    #expect(
      result.said.dropLast() == [
        "Will be installed (1):", "  tool  1.0", "Will be installed as dependencies (1):", "  library  1.0",
      ])
    #expect(result.said.last?.hasSuffix(" more on disk.") == true)
    let operation = try node.store.lastOperation(of: node.id)
    #expect(operation.kind == "install")
    #expect(operation.state == "done")
    #expect(try node.text(of: "usr/share/tool") == "hammer\n")
    #expect(try node.text(of: "usr/share/library") == "books\n")

    #expect(try node.added() == ["library:all 1.0", "tool:all 1.0"])
    #expect(try node.store.ast("diff", "0", "\(node.id)").stdout == "+ library:all 1.0\n+ tool:all 1.0\n")
    let owners = try node.store.ast("which", "tool").expectSuccess().stdout.lines
    #expect(owners.filter { $0.hasPrefix("\(node.id) - ") }.count == 1)
    let automatic = try node.automatic()
    #expect(automatic.contains("library"))
    #expect(!automatic.contains("tool"))

    #expect(try node.shell("dpkg --audit; dpkg --verify tool library") == [])
    try node.expectUntouched(since: node.state())
  }

  @Test func jsonTellsThePlanAndTheGeneration() throws {
    let result = try node.ast("install", "--json", "tool").expectSuccess()
    #expect(result.stderr == "")
    let data = try result.json["data"]
    #expect(data.keys == ["generation", "newConfigurationFiles", "node", "plan"])
    #expect(data["node"] == .number(Double(node.id)))
    #expect(data["generation"] == .number(2))
    #expect(data["newConfigurationFiles"] == .array([]))
    #expect(data["plan"]["newInstalledPackages"].each("name") == [.text("library"), .text("tool")])
    guard case .text(let operation) = try result.json["transaction"] else { throw Errno.noData }
    #expect(access(node.store.root.appending("ast/log/\(operation).log").string, R_OK) == 0)
  }

  @Test(arguments: [
    ("greeter", "greeter:all 2.0"), ("greeter=1.0", "greeter:all 1.0"), ("greeter/tests", "greeter:all 2.0"),
    ("native:amd64", "native:amd64 1.0"), ("greeter+", "greeter:all 2.0"),
  ])
  func packageIsNamedAsInApt(word: String, installed: String) throws {
    try node.ast("install", word).expectSuccess()
    #expect(try node.added() == [installed])
    #expect(try node.automatic().filter { ["greeter", "native"].contains($0) } == [])
  }

  @Test func packageWithAMinusIsRemovedInTheSameStep() throws {
    try node.ast("install", "greeter").expectSuccess()
    let result = try node.ast("install", "native", "greeter-").expectSuccess()
    #expect(result.stdout == "Node \(node.id): 1 installed, 1 removed, generation 3.\n")
    #expect(try node.added() == ["native:amd64 1.0"])
  }

  @Test func olderVersionThatIsAskedForIsADowngrade() throws {
    try node.ast("install", "greeter").expectSuccess()
    let result = try node.ast("install", "greeter=1.0").expectSuccess()
    #expect(result.said.prefix(2) == ["Will be downgraded (1):", "  greeter  2.0 -> 1.0"])
    #expect(result.stdout == "Node \(node.id): 1 downgraded, generation 3.\n")
    #expect(try node.text(of: "usr/share/greeter") == "hello\n")
  }

  @Test(arguments: [("--install-recommends", true), ("--no-install-recommends", false)])
  func recommendedPackagesComeAsWanted(option: String, comes: Bool) throws {
    try node.shell("echo 'APT::Install-Recommends \"\(!comes)\";' >/etc/apt/apt.conf.d/recommends")
    try node.ast("install", option, "advised").expectSuccess()
    #expect(try node.added().contains("manual:all 1.0") == comes)
  }

  @Test func whatIsThereIsNothingToDo() throws {
    try node.ast("install", "greeter").expectSuccess()
    let before = try node.state()
    let history = try node.ast("history").stdout
    let result = try node.ast("install", "greeter").expectSuccess()
    #expect(result.stdout == "Node \(node.id): greeter is already installed.\n")
    #expect(result.stderr == "")
    #expect(try node.ast("history").stdout == history)
    let plan = try node.ast("install", "-n", "greeter").expectSuccess()
    #expect(plan.stdout == "greeter is already installed.\nNothing to do.\n")
    try node.expectUntouched(since: before)
    let more = try node.ast("install", "greeter", "native").expectSuccess()
    #expect(more.stdout == "Node \(node.id): 1 installed, generation 3; greeter is already installed.\n")
    #expect(more.said.contains("greeter is already installed."))
  }

  @Test func itsTransactionSaysHowToSeeThePackages() throws {
    guard case .text(let transaction) = try node.ast("install", "--json", "greeter").json["transaction"] else {
      throw Errno.noData
    }
    let lines = try node.store.ast("info", "t\(transaction)").expectSuccess().stdout.lines
    #expect(
      lines.suffix(2) == ["To see what it changed:", "  ast diff \(node.id)@1 \(node.id)@2"], "\(lines)")
  }

  @Test func packageThatIsAskedForIsNoLongerAutomatic() throws {
    try node.ast("install", "tool").expectSuccess()
    #expect(try node.automatic().contains("library"))
    let plan = try node.ast("install", "-n", "library").expectSuccess()
    #expect(plan.stdout.lines.prefix(2) == ["Would be kept from now on (1):", "  library"])
    #expect(try node.ast("install", "-n", "--json", "library").json["data"]["markedPackages"][0] == .text("library"))
    #expect(try node.automatic().contains("library"))
    let result = try node.ast("install", "library").expectSuccess()
    #expect(result.stdout == "Node \(node.id): 1 kept from now on, generation 3.\n")
    #expect(try node.store.lastOperation(of: node.id).kind == "install")
    #expect(try !node.automatic().contains("library"))
  }

  // MARK: From files

  /// The place of a file, and the argument that names it.
  enum Place: CaseIterable { case absolute, relative, above, inADirectoryWithASpace, forRootOnly, linked }

  @Test(arguments: Place.allCases)
  func fileIsInstalledWithWhatItNeeds(place: Place) throws {
    let local = DebPackage("local", fields: ["Depends": "library"], files: ["/usr/share/local": "mine\n"])
    let directory = try LoopBtrfs.shared.newDirectory().appending(
      place == .inADirectoryWithASpace ? "my own packages" : "packages")
    try runSuccessfully(["mkdir", "-p", directory.appending("below").string])
    let file = try local.build(in: directory)
    if place == .forRootOnly { try runSuccessfully(["chmod", "-R", "go=", directory.string]) }
    if place == .linked { try runSuccessfully(["ln", "-s", file.string, directory.appending("link").string]) }
    let (word, current) =
      switch place {
      case .absolute, .inADirectoryWithASpace, .forRootOnly: (file.string, directory)
      case .relative: ("./\(local.archiveName)", directory)
      case .above: ("../\(local.archiveName)", directory.appending("below"))
      case .linked: ("./link", directory)
      }
    let result = try run(
      [AstBinary.path.string, "install", "\(node.id)", word],
      environment: plainEnvironment.merging(["AST_STORE": node.store.root.string]) { $1 }, in: current)
    #expect(result.stdout == "Node \(node.id): 2 installed, generation 2.\n", "\(result)")
    #expect(try node.added() == ["library:all 1.0", "local:all 1.0"])
    #expect(try node.automatic().filter { ["library", "local"].contains($0) } == ["library"])
  }

  @Test(arguments: [
    ("./missing.deb", 3, "cannot read ./missing.deb: No such file or directory"),
    ("/etc/passwd", 2, "/etc/passwd is not a .deb file"), ("/etc", 2, "/etc is not a .deb file"),
  ])
  func fileThatIsNoPackageIsRefused(word: String, status: Int32, message: String) throws {
    let before = try node.state()
    let result = try node.ast("install", word)
    #expect(result.status == status)
    #expect(result.said == ["ast: \(message); nothing was changed"])
    try node.expectUntouched(since: before)
  }

  @Test func garbageThatIsCalledAPackageIsRefused() throws {
    let file = try LoopBtrfs.shared.newDirectory().appending("garbage.deb")
    try runSuccessfully(["sh", "-c", "head -c 5000 /dev/urandom >\(file)"])
    let before = try node.state()
    let result = try node.ast("install", file.string)
    #expect(result.status == 1)
    #expect(result.stderr.contains("garbage.deb"), "\(result.stderr)")
    try node.expectUntouched(since: before)
  }

  // MARK: Configuration

  @Test func administratorsConfigurationIsKeptAndTheNewOneTold() throws {
    try node.ast("install", "configured=1.0").expectSuccess()
    try node.shell("echo loud=a-little >/etc/configured/main.conf")
    let node = try node.clone()
    let result = try node.ast("install", "configured").expectSuccess()
    #expect(
      result.said.last == "ast: node \(node.id): your configuration was kept, the package's new one is"
        + " /etc/configured/main.conf.dpkg-dist")
    #expect(try node.text(of: "etc/configured/main.conf") == "loud=a-little\n")
    #expect(try node.text(of: "etc/configured/main.conf.dpkg-dist") == "loud=very\n")
    // A file without local changes is replaced.
    #expect(try node.text(of: "etc/configured/other.conf") == "a=2\n")
    #expect(try node.text(of: "etc/configured/other.conf.dpkg-dist") == nil)
    // This is reported once, not with every later change.
    #expect(try !node.ast("install", "greeter").expectSuccess().stderr.contains("dpkg-dist"))
  }

  @Test func newConfigurationFilesAreInTheJSON() throws {
    try node.ast("install", "configured=1.0").expectSuccess()
    try node.shell("echo loud=a-little >/etc/configured/main.conf")
    let result = try node.ast("install", "--json", "configured").expectSuccess()
    #expect(try result.json["data"]["newConfigurationFiles"] == .array([.text("/etc/configured/main.conf.dpkg-dist")]))
  }

  // MARK: Words that are no packages

  @Test(arguments: [
    "-o", "--print-uris", "-oDPkg::Pre-Invoke::=touch /owned", "a;b", "$(touch /owned)", "", " ",
    String(repeating: "x", count: 300), "päckchen", "библиотека", "a\nb", "=1.0", "greeter=3.0", "greeter/sid",
  ])
  func wordThatIsNoPackageIsRefused(word: String) throws {
    let before = try node.state()
    let history = try node.ast("history").stdout
    let result = try node.ast("install", "--", word)
    #expect([1, 2, 3].contains(result.status), "\(result)")
    #expect(result.stdout == "")
    #expect(result.said.first?.hasPrefix("ast: ") == true, "\(result)")
    #expect(result.said.count <= 2, "\(result)")
    #expect(result.stderr.utf8.count < 1500, "\(result)")
    #expect(try node.ast("history").stdout == history)
    try node.expectUntouched(since: before)
  }

  @Test func unknownPackageIsNamed() throws {
    let result = try node.ast("install", "tool", "no-such-package", "nor-this")
    #expect(result.status == 3)
    #expect(
      result.said == [
        "ast: node \(node.id)'s sources have no package no-such-package, nor-this; nothing was changed",
        "     `ast refresh \(node.id)` fetches the indices again",
      ])
  }

  @Test func failureIsOneObjectInJSON() throws {
    let result = try node.ast("install", "--json", "no-such-package")
    #expect(result.status == 3)
    #expect(result.stderr == "")
    #expect(try result.json["data"] == .null)
    #expect(try result.json["transaction"] == .null)
    #expect(try result.json["error"]["code"] == .text("not-found"))
    #expect(try result.json["error"].keys == ["code", "hint", "holder", "log", "message", "state"])
  }

  @Test func baseAndNodesThatAreNotThereAreRefused() throws {
    #expect(try node.store.ast("install", "0", "greeter").status == 5)
    #expect(try node.store.ast("install", "4711", "greeter").status == 3)
    #expect(try node.store.ast("install", "\(node.id)").status == 2)
  }

  @Test(arguments: [[], ["--simulate"], ["--json"]])
  func nothingIsInstalledLiveWhereTheNodeDoesNotRun(options: [String]) throws {
    let before = try node.state()
    let sent = node.sent(Self.greeter)
    let result = try node.store.ast(["install", "--live"] + options + ["\(node.id)", "greeter"])
    #expect(result.status == 5, "\(result)")
    let sentence = "this system was not booted from \(node.store.root); nothing was changed"
    let hint = "install it without `--live`, then `ast deploy \(node.id)` and reboot"
    if options == ["--json"] {
      #expect(try result.json["error"]["message"] == .text(sentence))
      #expect(try result.json["error"]["hint"] == .text(hint))
    } else {
      #expect(result.said == ["ast: \(sentence)", "     \(hint)"])
    }
    try node.expectUntouched(since: before)
    #expect(node.sent(Self.greeter) == sent)
    #expect(try node.store.ast("install", "--live", "4711", "greeter").status == 3)
    #expect(try node.store.ast("install", "--live", "\(node.id)").status == 2)
    #expect(try node.ast("remove", "--live", "greeter").status == 2)
  }

  @Test(arguments: ["", "APT::Solver \"3.0\";"])
  func reasonOfAptsSolverIsShown(configuration: String) throws {
    try node.shell("echo '\(configuration)' >/etc/apt/apt.conf.d/90solver")
    let before = try node.state()
    let needy = DebPackage("needy", fields: ["Depends": "no-such-package"])
    let result = try node.ast("install", needy.build(in: LoopBtrfs.shared.newDirectory()).string)
    #expect(result.status == 1, "\(result)")
    let dependency = "needy : Depends: no-such-package but it is not installable"
    #expect(
      result.said.first?.hasPrefix("ast: apt cannot do that in node \(node.id): \(dependency) (1. needy:") == true,
      "\(result)")
    #expect(result.said.first?.contains("Depends no-such-package (but none of the choices are ") == true, "\(result)")
    try node.expectUntouched(since: before)
  }

  // MARK: Holds

  @Test func heldPackageIsNotChangedByWhatOthersNeed() throws {
    try node.ast("install", "greeter=1.0").expectSuccess()
    try node.shell("apt-mark hold greeter")
    let before = try node.state()
    let needy = DebPackage("needy", fields: ["Depends": "greeter (>= 2.0)"])
    let file = try needy.build(in: LoopBtrfs.shared.newDirectory())
    let result = try node.ast("install", file.string)
    #expect(result.status == 1, "\(result)")
    try node.expectUntouched(since: before)
    #expect(try node.added() == ["greeter:all 1.0"])
  }
}
