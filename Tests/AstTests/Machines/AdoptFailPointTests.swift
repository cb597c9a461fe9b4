import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// Kills `adopt`, its undoing and the take-over of the data at each step. The machine then boots the old system or a
/// complete deployment, and running the command again has the same result as without the kill.
@Suite("adopt, killed", .requiresRoot)
struct AdoptFailPointTests {
  @Test func adoptingIsDoneOrNot() throws {
    let disk = try AdoptableDisk(.installer)
    let (before, points) = (
      try disk.checksum(), try fresh(disk) { try self.points { try disk.adopt("-y", environment: $0) } }
    )
    print("adopt: \(points.count) fail points")
    for index in points.indices {
      let where_ = "killed at point \(index + 1), '\(points[index])'"
      let killed = try disk.adopt("-y", environment: ["AST_FAIL_AT": "\(index + 1)"])
      #expect(killed.signal == SIGKILL, "\(where_): \(killed)")
      #expect(try disk.checksum() == before, "\(where_)")
      let isDone = try #require(points.lastIndex(of: "boot loader file in place")) <= index
      #expect((disk.customFile != nil) == isDone, "\(where_)")
      // The next attempt, or undoing, finds the remains.
      if isDone || index % 2 == 0 {
        try disk.adopt("--undo").expectSuccess()
      } else {
        try disk.adopt("-y").expectSuccess()
        #expect(try Consistency.problems(of: disk.store) == [], "\(where_)")
        try disk.adopt("--undo").expectSuccess()
      }
      #expect(try disk.subvolumes == ["@rootfs", "@rootfs/var/lib/machines"], "\(where_)")
      #expect(disk.customFile == nil, "\(where_)")
    }
  }

  @Test func undoingIsDoneOrDoneAgain() throws {
    let disk = try AdoptableDisk(.home)
    try disk.adopt("-y").expectSuccess()
    let points = try self.points { try disk.adopt("--undo", environment: $0) }
    print("adopt --undo: \(points.count) fail points")
    for index in points.indices {
      try disk.adopt("-y").expectSuccess()
      let killed = try disk.adopt("--undo", environment: ["AST_FAIL_AT": "\(index + 1)"])
      #expect(killed.signal == SIGKILL, "\(killed)")
      // Everything is gone, including the record.
      let again = try disk.adopt("--undo")
      #expect(again.status == 0 || again.status == 3, "\(again)")
      #expect(try disk.subvolumes == ["@", "@/var/lib/machines", "@home"], "killed at '\(points[index])'")
      #expect(disk.customFile == nil)
    }
  }

  @Test func takingOverIsDoneAgainUntilItIsDone() throws {
    let disk = try AdoptableDisk(.installer)
    let before = try disk.checksum()
    try disk.adopt("-y").expectSuccess()
    let points = try self.points { try disk.start(environment: $0) }
    print("adopt --finish: \(points.count) fail points")
    let whole = try data(of: disk)
    for index in points.indices {
      // Data that were taken over are not moved back, so the subvolumes are deleted by hand.
      try disk.adopt("--undo").expectSuccess()
      try disk.deleteAll()
      try disk.adopt("-y").expectSuccess()
      let killed = try disk.start(environment: ["AST_FAIL_AT": "\(index + 1)"])
      #expect(killed.signal == SIGKILL, "\(killed)")
      try disk.start().expectSuccess()
      #expect(try data(of: disk) == whole, "killed at '\(points[index])'")
      #expect(try !disk.menu.contains("ast.adopt"))
      #expect(try Consistency.problems(of: disk.store) == [], "killed at '\(points[index])'")
    }
    #expect(try disk.checksum() == before)
  }

  /// The fail points of a command that runs to its end.
  private func points(of command: ([String: String]) throws -> CommandResult) throws -> [String] {
    let trace = FilePath("/tmp/ast-adopt-trace-\(getpid())-\(UInt32.random(in: 0 ... .max))")
    defer { unlink(trace.string) }
    try command(["AST_FAIL_TRACE": trace.string]).expectSuccess()
    return try String(contentsOfFile: trace.string, encoding: .utf8).split(separator: "\n").map(String.init)
  }

  private func fresh<Result>(_ disk: AdoptableDisk, _ body: () throws -> Result) throws -> Result {
    let result = try body()
    try disk.adopt("--undo").expectSuccess()
    return result
  }

  private func data(of disk: AdoptableDisk) throws -> String {
    let script = """
      find @var @home @root @srv '(' -type d -printf '%y %m %U:%G %p\\n' -o -printf '%y %m %U:%G %n %l %s %p\\n' ')' \
        | grep -v -e /lib/dpkg/lock | LC_ALL=C sort; ls
      """
    return try runSuccessfully(["sh", "-c", script], in: disk.top)
  }
}
