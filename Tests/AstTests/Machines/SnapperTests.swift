import SystemPackage
import TestSupport
import Testing

/// snapper(8) keeps snapshots of /home on the file system of a store: neither touches what belongs to the other.
@Suite("snapper beside ast", .requiresRoot)
struct SnapperTests {
  private let disk: BootDisk
  /// What would be in /etc of the machine.
  private let settings: FilePath

  init() throws {
    disk = try BootDisk()
    settings = try LoopBtrfs.shared.newDirectory()
    try runSuccessfully(
      [
        "sh", "-ec",
        """
        mkdir -p etc/configs etc/config-templates etc/filters
        cp /usr/share/snapper/config-templates/default etc/config-templates/
        cp /etc/default/snapper default
        """,
      ], in: settings)
    try snapper("create-config", disk.path(of: "@home").string)
  }

  /// Runs snapper with the settings of the machine of this test.
  @discardableResult
  private func snapper(_ arguments: String...) throws -> [String] { try snapper(arguments) }

  @discardableResult
  private func snapper(_ arguments: [String]) throws -> [String] {
    let script = """
      mount --bind "$0/etc" /etc/snapper
      mount --bind "$0/default" /etc/default/snapper
      mount -t tmpfs none /var/log
      exec snapper --no-dbus -c home "$@"
      """
    return try runSuccessfully(["unshare", "-m", "sh", "-ec", script, settings.string] + arguments).lines
  }

  /// The descriptions of the snapshots, and what they have of a file.
  private func snapshots() throws -> [String] {
    try runSuccessfully(
      [
        "sh", "-ec",
        """
        for place in [0-9]*; do
          [ -e "$place" ] || continue
          sed -n 's|.*<description>\\(.*\\)</description>.*|\\1|p' "$place/info.xml"
          cat "$place/snapshot/anna/letter"
          btrfs property get "$place/snapshot" ro
        done
        """,
      ], in: disk.path(of: "@home").appending(".snapshots")
    ).lines
  }

  private func write(_ text: String) throws {
    let script = "mkdir -p anna; echo \(text) >anna/letter"
    try runSuccessfully(["sh", "-ec", script], in: disk.path(of: "@home"))
  }

  @Test func astLeavesTheSnapshotsAlone() throws {
    let store = disk.store
    try write("one")
    try snapper("create", "--description", "first")
    try write("two")
    let before = try snapshots()
    #expect(before == ["first", "one", "ro=true"])
    try store.ast("deploy", "1").expectSuccess()
    for text in ["a", "b", "c", "d"] { try store.ast("run", "1", "sh", "-c", "echo \(text) >/etc/x").expectSuccess() }
    try store.ast("undo", "1").expectSuccess()
    try store.ast("deploy", "1").expectSuccess()
    try store.ast("rollback", "--to", "1").expectSuccess()
    try store.ast("gc", "-y", "--keep", "1").expectSuccess()
    try store.ast("branch", "1", "other").expectSuccess()
    try store.ast("del", "-y", "2").expectSuccess()
    try store.ast("dedupe").expectSuccess()
    try store.ast("doctor").expectSuccess()
    #expect(try snapshots() == before)
    // And they are of use.
    try snapper("undochange", "1..0", disk.path(of: "@home").appending("anna/letter").string)
    #expect(try runSuccessfully(["cat", "anna/letter"], in: disk.path(of: "@home")) == "one\n")
  }

  @Test func cleaningUpLeavesTheStoreAlone() throws {
    let store = disk.store
    try write("one")
    try store.ast("deploy", "1").expectSuccess()
    try snapper("set-config", "NUMBER_LIMIT=1", "NUMBER_MIN_AGE=0", "TIMELINE_MIN_AGE=0")
    for span in ["HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"] {
      try snapper("set-config", "TIMELINE_LIMIT_\(span)=0")
    }
    for count in 1...3 { try snapper("create", "--cleanup-algorithm", "number", "--description", "number \(count)") }
    try snapper("create", "--cleanup-algorithm", "timeline", "--description", "timeline")
    let before = try StoreContents(store)
    for algorithm in ["number", "timeline", "empty-pre-post"] { try snapper("cleanup", algorithm) }
    #expect(try snapshots() == ["number 3", "one", "ro=true"])
    try snapper("delete", "3")
    #expect(try snapshots() == [])
    #expect(try StoreContents(store) == before)
    #expect(try Consistency.problems(of: store) == [])
    #expect(try Consistency.findingsOfDoctor(store) == [])
    try store.ast("run", "1", "touch", "/etc/y").expectSuccess()
    try store.ast("deploy", "1").expectSuccess()
  }

  /// What ast-tutorial(7) says to type.
  @Test func theTutorialIsRight() throws {
    let page = try runSuccessfully(
      ["mandoc", "-T", "ascii", "-O", "width=200", Checkout.manual.appending("ast-tutorial.7").string]
    ).replacing(/.\u{8}/, with: "")
    let lines = page.lines.drop { $0 != "SNAPSHOTS OF YOUR DATA" }.dropFirst().prefix { $0.hasPrefix(" ") }
    let typed = lines.map { $0.drop { $0 == " " } }.filter { $0.hasPrefix("# snapper -c home ") }
      .map { $0.dropFirst(18).replacing("\"", with: "'").replacing("/home", with: disk.path(of: "@home").string) }
    #expect(typed.count == 3 && typed[0].hasPrefix("create-config "))
    try write("one")
    for command in typed.dropFirst() {
      try write(command.hasPrefix("undochange") ? "two" : "one")
      let words = command.split(separator: "'").enumerated().flatMap { index, part in
        index % 2 == 1 ? [String(part)] : part.split(separator: " ").map(String.init)
      }
      try snapper(words)
    }
    #expect(try runSuccessfully(["cat", "anna/letter"], in: disk.path(of: "@home")) == "one\n")
  }
}
