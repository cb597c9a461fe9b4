import FoundationEssentials
import Glibc
import SystemFiles
import SystemPackage
import Testing

@testable import TOMLFiles
@testable import Settings

/// The settings in files of a directory that goes with the test.
@Suite("Settings") final class SettingsTests {
  private let directory = FilePath("/tmp/ast-settings-\(UUID())")
  private var file: FilePath { directory.appending("ast.toml") }

  init() throws {
    try FileManager.default.createDirectory(
      atPath: "\(directory)/ast.toml.d", withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: directory.string) }

  private func write(_ text: String, to name: String = "ast.toml") throws {
    try Data(text.utf8).write(to: URL(filePath: directory.appending(name).string))
  }

  private func complaint(_ text: String) -> String {
    do {
      try write(text)
      _ = try Settings(of: file)
      return "none"
    } catch ConfigurationError.wrong(file, let reason) {
      return reason
    } catch {
      return "\(error)"
    }
  }

  @Test func withoutAFileTheDefaultsAreInForce() throws {
    let settings = try Settings(of: file)
    #expect(
      settings.updates
        == UpdateSettings(
          policy: .check, only: .all, nodes: [], includesTree: false, onlyOnAC: true, minimumFree: 2 << 30,
          clonesBefore: false,
          reboot: .never, rebootWindow: DayWindow("02:00-05:00"), messageOfTheDay: true, mail: "root"))
    #expect(settings.keep == KeepSettings(generations: 3, deployments: 3, days: 0, minimumFree: 0))
    #expect(settings.network == NetworkSettings(isolation: .on, loopbackPorts: []))
    #expect(settings.limits == LimitSettings(tasks: 4096, memory: .percent(80)))
    #expect(SettingKey.allCases.allSatisfy { settings.source(of: $0) == nil })
  }

  @Test func allSettings() throws {
    try write(
      """
      [updates]
      policy = "deploy"
      only = "security"
      nodes = [2, 7]
      tree = true
      only-on-ac = false
      minimum-free = "500M"
      clone-before = true
      reboot = "when-needed"
      reboot-window = "23:30-01:15"
      motd = false
      mail = "ops+ast@example.org"

      [gc]
      keep-generations = 10
      keep-deployments = 5
      keep-days = 90
      minimum-free = "1G"

      [hooks]
      skip = ["keep-ssh", "10_Backup"]

      [network]
      isolation = "off"
      loopback = [3142, 8080]

      [limits]
      tasks-max = 500
      memory-max = "4G"
      """)
    let settings = try Settings(of: file)
    #expect(
      settings.updates
        == UpdateSettings(
          policy: .deploy, only: .security, nodes: [2, 7], includesTree: true, onlyOnAC: false, minimumFree: 500 << 20,
          clonesBefore: true, reboot: .whenNeeded, rebootWindow: DayWindow("23:30-01:15"), messageOfTheDay: false,
          mail: "ops+ast@example.org"))
    #expect(settings.keep == KeepSettings(generations: 10, deployments: 5, days: 90, minimumFree: 1 << 30))
    #expect(settings.skippedHooks == ["keep-ssh", "10_Backup"])
    #expect(settings.network == NetworkSettings(isolation: .off, loopbackPorts: [3142, 8080]))
    #expect(settings.limits == LimitSettings(tasks: 500, memory: .bytes(4 << 30)))
    let keys = SettingKey.allCases.filter { $0.isSetting(of: .machine) }
    #expect(keys.map { settings.source(of: $0)?.line } == Array(2...12) + Array(15...18) + [21, 24, 25, 28, 29])
  }

  private static let memoryWords =
    "is to be a percentage, such as \"80%\", a size from \"64M\" on, such as \"4G\", or \"infinity\""

  @Test func limitsCanBeLifted() throws {
    try write("limits = { tasks-max = \"infinity\", memory-max = \"infinity\" }")
    #expect(try Settings(of: file).limits == LimitSettings(tasks: nil, memory: .infinity))
  }

  /// Each way to write it, and the line it stands on.
  @Test(arguments: [
    ("[gc]\nkeep-days = 5", 2), ("gc.keep-days = 5", 1), ("gc = { keep-days = 5 }", 1),
    ("# A comment.\n\n  [ gc ] # more\n\t\"keep-days\" = 5 # and more", 4), ("[gc]\r\nkeep-days = 5\r\n", 2),
    ("[updates]\nnodes = [\n  1, # [\n  2,\n]\n[gc]\n'keep-days' = 0x5", 7),
    ("updates.mail = '''\nroot'''\ngc.keep-days = 5", 3),
    ("updates.mail = \"\"\"\nroot\\\n  \"\"\"\n\n[gc]\nkeep-days = 5", 6),
  ])
  func writtenInAnyWay(text: String, line: Int) throws {
    try write(text)
    let settings = try Settings(of: file)
    #expect(settings.keep.days == 5)
    #expect(settings.source(of: .keepDays) == Settings.Source(file: file, line: line))
  }

  @Test func additionsWinKeyByKeyInTheOrderOfTheirNames() throws {
    try write("[updates]\npolicy = \"stage\"\ntree = true\n[gc]\nkeep-days = 1")
    try write("gc.keep-days = 3\nupdates.tree = false", to: "ast.toml.d/20-more.toml")
    try write("gc.keep-days = 2\nupdates.mail = \"\"", to: "ast.toml.d/10-some.toml")
    try write("gc.keep-days = 4", to: "ast.toml.d/30-other.toml.dpkg-old")
    try write("gc.keep-days = 5", to: "ast.toml.d/.40-hidden.toml")
    let settings = try Settings(of: file)
    #expect(settings.keep.days == 3)
    #expect(settings.updates.policy == .stage)
    #expect(!settings.updates.includesTree)
    #expect(settings.updates.mail == "")
    #expect(
      settings.source(of: .keepDays)
        == Settings.Source(file: directory.appending("ast.toml.d/20-more.toml"), line: 1))
    #expect(settings.source(of: .policy) == Settings.Source(file: file, line: 2))
    try write("gc.keep-dayz = 3", to: "ast.toml.d/20-more.toml")
    #expect(
      throws: ConfigurationError.wrong(
        directory.appending("ast.toml.d/20-more.toml"), "line 1, column 1: there is no setting gc.keep-dayz")
    ) { try Settings(of: file) }
  }

  @Test func additionsNeedNoFileBesideThem() throws {
    try write("gc.keep-days = 3", to: "ast.toml.d/20-more.toml")
    #expect(try Settings(of: file).keep.days == 3)
  }

  @Test(arguments: [
    ("[updates]\npolicy = \"check\"\n  polcy = 1", "line 3, column 3: there is no setting updates.polcy"),
    ("\n\t[updatez]\npolicy = 1", "line 2, column 2: there is no setting updatez"),
    ("updatez.policy = 1", "line 1, column 1: there is no setting updatez.policy"),
    ("[updates.policy]\nx = 1", "line 1, column 1: there is no setting updates.policy"),
    ("[[gc]]\nkeep-days = 1\n[gc.more]", "line 3, column 1: there is no setting gc.more"),
    ("updates = 5", "line 1, column 1: there is no setting updates"),
    ("# x\n[gc]\nkeep-days = [\n 1\n]", "line 3, column 1: gc.keep-days is to be a number from 0 to 36500"),
    ("gc.keep-days = -1", "line 1, column 1: gc.keep-days is to be a number from 0 to 36500"),
    ("gc.keep-generations = 0", "line 1, column 1: gc.keep-generations is to be a number from 1 to 10000"),
    ("gc.keep-generations = 3.0", "line 1, column 1: gc.keep-generations is to be a number from 1 to 10000"),
    ("gc.keep-deployments = 1", "line 1, column 1: gc.keep-deployments is to be a number from 2 to 1000"),
    ("gc.minimum-free = 5", "line 1, column 1: gc.minimum-free is to be a size, such as \"500M\" or \"2G\""),
    ("gc.minimum-free = \"much\"", "line 1, column 1: gc.minimum-free is to be a size, such as \"500M\" or \"2G\""),
    ("gc.minimum-free = \"-1G\"", "line 1, column 1: gc.minimum-free is to be a size, such as \"500M\" or \"2G\""),
    ("updates.tree = \"true\"", "line 1, column 1: updates.tree is to be true or false"),
    (
      "updates.policy = \"Off\"",
      "line 1, column 1: updates.policy is to be one of \"off\", \"check\", \"stage\", \"deploy\""
    ),
    (
      "updates.nodes = [1, 1]",
      "line 1, column 1: updates.nodes is to be an array of different numbers from 1 to 2147483647, such as [1, 4]"
    ),
    (
      "updates.nodes = [\"1\"]",
      "line 1, column 1: updates.nodes is to be an array of different numbers from 1 to 2147483647, such as [1, 4]"
    ),
    (
      "updates.mail = \"-x\"",
      "line 1, column 1: updates.mail is to be a user or an address of mail, such as \"root\", or \"\""
    ),
    (
      "updates.mail = \"a\\nb\"",
      "line 1, column 1: updates.mail is to be a user or an address of mail, such as \"root\", or \"\""
    ),
    (
      "[hooks]\nskip = \"keep-ssh\"",
      "line 2, column 1: hooks.skip is to be an array of different names, such as [\"keep-ssh\"]"
    ),
    ("hooks.skip = [1]", "line 1, column 1: hooks.skip is to be an array of different names, such as [\"keep-ssh\"]"),
    (
      "hooks.skip = [\"a\", \"a\"]",
      "line 1, column 1: hooks.skip is to be an array of different names, such as [\"keep-ssh\"]"
    ),
    (
      "hooks.skip = [\"a\", 1]",
      "line 1, column 1: hooks.skip is to be an array of different names, such as [\"keep-ssh\"]"
    ),
    (
      "hooks.skip = [\"a\", \"b.sh\"]",
      "line 1, column 1: hooks.skip cannot have \"b.sh\": the name of a hook has letters, digits, \"_\" and \"-\" only"
    ),
    (
      "[boot]\nkernel-arguments = [\"quiet\"]",
      "line 2, column 1: the machine has no boot.kernel-arguments: it is a setting of nodes, which `ast edit-conf` edits"
    ),
    (
      "limits.tasks-max = 63",
      "line 1, column 1: limits.tasks-max is to be a number from 64 to 4194304, or \"infinity\""
    ),
    (
      "limits.tasks-max = \"500\"",
      "line 1, column 1: limits.tasks-max is to be a number from 64 to 4194304, or \"infinity\""
    ),
    ("limits.memory-max = 5", "line 1, column 1: limits.memory-max \(Self.memoryWords)"),
    ("limits.memory-max = \"0%\"", "line 1, column 1: limits.memory-max \(Self.memoryWords)"),
    ("limits.memory-max = \"101%\"", "line 1, column 1: limits.memory-max \(Self.memoryWords)"),
    ("limits.memory-max = \"63M\"", "line 1, column 1: limits.memory-max \(Self.memoryWords)"),
    ("gc.keep-days = \"\u{0}\"", "this is not UTF-8 text"),
  ])
  func whatIsWrongHasItsPlace(text: String, words: String) { #expect(complaint(text) == words) }

  @Test(arguments: [
    ("[gc]\nkeep-days = x", "line 2, column 13: "), ("[gc]\nkeep-days = 1\nkeep-days = 2", "line 3, column 1"),
    ("[gc\n", "line 1, column 4: "), ("a = [\n1\n", "line 3, column 1: "),
  ])
  func whatIsNoTOMLHasItsPlace(text: String, start: String) {
    #expect(complaint(text).hasPrefix(start), "\(complaint(text))")
  }

  @Test func whatIsNoTextIsWrong() throws {
    try Data([0x23, 0xff]).write(to: URL(filePath: file.string))
    #expect(throws: ConfigurationError.wrong(file, "this is not UTF-8 text")) { try Settings(of: file) }
  }

  @Test func whatCannotBeReadIsNotTakenForNothing() throws {
    try FileManager.default.createDirectory(atPath: file.string, withIntermediateDirectories: true)
    #expect(throws: ConfigurationError.unreadable(file)) { try Settings(of: file) }
  }

  /// A commit reads the settings: a FIFO would make all commands wait, and a file without an end would fill the memory.
  @Test func aFileThatIsNoneOrTooLargeIsNotRead() throws {
    #expect(mkfifo(file.string, 0o644) == 0)
    #expect(throws: ConfigurationError.unreadable(file)) { try Settings(of: file) }
    unlink(file.string)
    #expect(symlink("/dev/zero", file.string) == 0)
    #expect(throws: ConfigurationError.unreadable(file)) { try Settings(of: file) }
    unlink(file.string)
    try write("# " + String(repeating: "x", count: 1 << 20))
    #expect(throws: ConfigurationError.unreadable(file)) { try Settings(of: file) }
    let answers = FilePath("/dev/zero")
    #expect(throws: ConfigurationError.unreadable(answers)) { try BootstrapFile(answers) }
  }

  @Test func aNodeHasSomeSettingsOfItsOwn() throws {
    try write("[updates]\npolicy = \"stage\"\nclone-before = true")
    let machine = try Settings(of: file)
    let node: FilePath = "/etc/ast/node.toml"
    let settings = try machine.with(node: Data("\n[updates]\npolicy = \"off\"".utf8), at: node)
    #expect(settings.updates.policy == .off)
    #expect(settings.updates.clonesBefore)
    #expect(settings.source(of: .policy) == Settings.Source(file: node, line: 3))
    #expect(
      throws: ConfigurationError.wrong(
        node, "line 2, column 1: a node has no updates.mail of its own: it is a setting of the machine")
    ) { try machine.with(node: Data("[updates]\nmail = \"root\"".utf8), at: node) }
  }

  private func ownSettings(_ text: String) throws -> Settings {
    try Settings().with(node: Data(text.utf8), at: "/node.toml")
  }

  @Test(arguments: ["[]", "[ # nothing\n]"]) func anEmptyArrayIsOneOfWords(text: String) throws {
    let settings = try ownSettings("boot.kernel-arguments = \(text)\nhooks.skip = \(text)")
    #expect((settings.kernelArguments, settings.skippedHooks) == ([], []))
    #expect(settings.value(of: .kernelArguments) == .words([]))
    // A node need not skip the hooks that the machine skips.
    try write("hooks.skip = [\"a\"]")
    let node = try Settings(of: file).with(node: Data("hooks.skip = \(text)".utf8), at: "/node.toml")
    #expect(node.skippedHooks == [])
  }

  @Test(arguments: [
    "quiet", "mitigations=off", "console=ttyS0,115200", "8250.nr_uarts=4", "systemd.unit=rescue.target", "rootwait",
    "video=HDMI-A-1:1920x1080@60", "a=${b};c|d&e<f>$(g)", "rows=1", "initcall_debug", "astro.x=1", "3",
  ])
  func argumentOfTheKernel(word: String) throws {
    #expect(
      try ownSettings("[boot]\nkernel-arguments = [\"nomodeset\", '\(word)']").kernelArguments == ["nomodeset", word])
  }

  @Test(arguments: [
    ("root=/dev/sda1", "root is"), ("root=", "root is"), ("rootflags=subvol=@", "rootflags is"), ("ro", "ro is"),
    ("rw", "rw is"), ("init=/bin/sh", "init is"), ("panic=0", "panic is"), ("ast.try", "ast.try is"),
    ("ast.deployment=3", "ast.deployment is"), ("systemd.machine_id=0", "systemd.machine_id is"),
    ("systemd.machine-id=0", "systemd.machine_id is"), ("", "an argument begins with"),
    ("--", "an argument begins with"), ("-b", "an argument begins with"), ("a b", "an argument begins with"),
    ("a\\tb", "an argument begins with"), ("a\\nb", "an argument begins with"), ("a='b'", "an argument begins with"),
    ("a=\\\"b\\\"", "an argument begins with"), ("a=\\\\b", "an argument begins with"),
    ("a=`b`", "an argument begins with"), ("ä", "an argument begins with"), ("a=\\u007f", "an argument begins with"),
  ])
  func noArgumentOfTheKernel(word: String, reason: String) throws {
    do {
      _ = try ownSettings("[boot]\n kernel-arguments = [\n \"quiet\",\n \"\(word)\" ]")
      Issue.record("\(word) was taken")
    } catch ConfigurationError.wrong(_, let words) {
      #expect(words.hasPrefix("line 2, column 2: boot.kernel-arguments cannot have \""), "\(words)")
      #expect(words.contains("\": \(reason) "), "\(words)")
    }
  }

  @Test func theFileThatNodesComeWithHasTheDefaults() throws {
    let shipped = SystemFile.all.first { $0.path == Settings.file }
    #expect(shipped?.kind == .configuration(Array(Settings.template(of: .machine).utf8)))
    try write(Settings.template(of: .machine))
    #expect(try SettingKey.allCases.allSatisfy { try Settings(of: file).source(of: $0) == nil })
    let lines = Settings.template(of: .machine).split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.allSatisfy { $0.utf8.count <= 120 })
    // A setting has no blank behind the sign.
    try write(lines.map { $0.hasPrefix("#") && !$0.hasPrefix("# ") ? $0.dropFirst() : $0 }.joined(separator: "\n"))
    let settings = try Settings(of: file)
    for key in SettingKey.allCases where key.isSetting(of: .machine) {
      #expect(settings.source(of: key) != nil, "\(key)")
      #expect(settings.value(of: key) == Settings().value(of: key), "\(key)")
    }
  }

  @Test func theFileThatEditConfBeginsWithHasWhatANodeCanHave() throws {
    let text = Settings.template(of: .node)
    #expect(try ownSettings(text).source(of: .policy) == nil)
    let chosen = try ownSettings(text.replacing("\n#", with: "\n").replacing("\n ", with: "\n# "))
    for key in SettingKey.allCases {
      #expect((chosen.source(of: key) != nil) == key.isSetting(of: .node), "\(key)")
    }
  }
}

@Suite struct DayWindowTests {
  @Test(arguments: [
    ("02:00-05:00", [(119, false), (120, true), (299, true), (300, false)]),
    ("23:30-01:15", [(1409, false), (1410, true), (0, true), (74, true), (75, false), (700, false)]),
    ("00:00-23:59", [(0, true), (1438, true), (1439, false)]),
  ])
  func minutesOfTheDay(text: String, minutes: [(Int, Bool)]) throws {
    let window = try #require(DayWindow(text))
    for (minute, isInside) in minutes { #expect(window.contains(minute) == isInside, "\(minute)") }
  }

  @Test(arguments: ["", "02:00", "2:00-5:00", "02:00-24:00", "02:60-03:00", "02:00-02:00", "02:00-03:00-04:00", "a-b"])
  func noWindow(text: String) { #expect(DayWindow(text) == nil) }
}

@Suite struct ByteCountTests {
  @Test(
    arguments: [
      ("0", 0), ("17", 17), ("3K", 3 << 10), ("2g", 2 << 30), ("1T", 1 << 40), ("", nil), ("G", nil), ("-1", nil),
      ("1.5G", nil), ("99999999999T", nil),
      // A letter whose capital is two, or none.
      ("1\u{df}", nil), ("1\u{149}", nil), ("1\u{fb03}", nil), ("1\u{308}", nil),
    ] as [(String, Int64?)])
  func text(text: String, bytes: Int64?) { #expect(ByteCount(text)?.bytes == bytes) }
}
