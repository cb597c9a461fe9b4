import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// What programs of the host do when ast is killed: they write what the next command would use.
@Suite("Programs of a killed ast", .requiresRoot)
struct KilledAstTests {
  private func isRunning(_ pid: Int32) -> Bool { kill(pid, 0) == 0 }

  /// The process number that a program has written to a file.
  private func pid(in file: FilePath) throws -> Int32 {
    try eventually("the program") {
      (try? String(contentsOfFile: file.string, encoding: .utf8))?.hasSuffix("\n") == true
    }
    let text = try String(contentsOfFile: file.string, encoding: .utf8)
    return try #require(Int32(text.prefix { $0 != "\n" }))
  }

  @Test func theyEndWithAllThatTheyHaveStarted() throws {
    let store = try TestStore()
    let directory = try LoopBtrfs.shared.newDirectory()
    let (program, inner) = (directory.appending("program"), directory.appending("inner"))
    // A program that starts another one, in a session of its own, and ignores the polite signals.
    let script = """
      #!/bin/sh
      trap '' TERM HUP
      setsid sh -c 'trap "" TERM HUP; echo $$ >\(inner); while :; do sleep 1; done' &
      echo $$ >\(program)
      while :; do sleep 1; done
      """
    let tar = directory.appending("tar")
    try Data(script.utf8).write(to: URL(filePath: tar.string))
    try runSuccessfully(["chmod", "755", tar.string])
    let place = try LoopBtrfs.shared.newDirectory()
    let path = "\(directory):\(plainEnvironment["PATH"] ?? "/usr/bin:/bin:/usr/sbin:/sbin")"
    let command = try TestStore(existing: place).start(
      ["init", "--tarball", tar.string], environment: ["PATH": path])
    let processes = try [pid(in: program), pid(in: inner)]
    #expect(processes.allSatisfy(isRunning))
    kill(command.pid, SIGKILL)
    _ = try command.wait()
    try eventually("their end") { !processes.contains(where: isRunning) }
    // The same for one on the terminal.
    try store.ast("new").expectSuccess()
    for file in [program, inner] { unlink(file.string) }
    let edit = try store.start(["edit-conf", "1"], environment: ["EDITOR": tar.string])
    let editors = try [pid(in: program), pid(in: inner)]
    kill(edit.pid, SIGKILL)
    _ = try edit.wait()
    try eventually("their end") { !editors.contains(where: isRunning) }
  }

  /// A process that ast has just made holds the locks of ast, too, until it begins.
  @Test func theLocksOfAKilledCommandAreFreeAfterAMoment() throws {
    let store = try TestStore()
    try store.ast("new").expectSuccess()
    try store.kill(["run", "1", "true"], at: "worked")
    // As python has no name for F_OFD_SETLK of fcntl(2).
    let script = """
      import fcntl, struct, sys, time
      file = open(sys.argv[1], "r+")
      fcntl.fcntl(file, 37, struct.pack("hhqqii", fcntl.F_WRLCK, 0, 0, 0, 0, 0))
      print("held", flush=True)
      time.sleep(0.2)
      """
    let remains = try PseudoTerminal(["python3", "-c", script, store.root.appending("ast/lock/node-1").string])
    try remains.expect("held")
    try store.ast("new").expectSuccess()
    #expect(try Consistency.problems(of: store) == [])
  }
}
