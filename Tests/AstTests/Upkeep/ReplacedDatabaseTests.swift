import Glibc
import SystemPackage
import TestSupport
import Testing

@Suite("Replaced database", .requiresRoot)
struct ReplacedDatabaseTests {
  @Test func aCommandThatWaitedCommitsNothingToADatabaseThatWasSetAside() throws {
    let store = try TestStore()
    try store.ast("clone", "0", "old").expectSuccess()
    // The lock every change takes first (fcntl(2), F_OFD_SETLK), so that the command waits with the database open.
    let file = try FileDescriptor.open(store.root.appending("ast/lock/tree"), .readWrite, options: .closeOnExec)
    var lock = flock()
    lock.l_type = Int16(F_WRLCK)
    #expect(fcntl(file.rawValue, 37, &lock) == 0)
    let script = """
      "$0" desc 1 new 2>&1 & sleep 1; cd "$AST_STORE/ast"; cp tree.sqlite copy; cp tree.sqlite-wal copy-wal
      mv copy-wal tree.sqlite-wal; mv copy tree.sqlite; echo replaced; wait $!; echo "status $?"
      """
    let waiting = try PseudoTerminal(
      ["env", "AST_STORE=\(store.root)", "sh", "-c", script, AstBinary.path.string])
    try waiting.expect("replaced")
    try file.close()
    try waiting.expect("was rebuilt meanwhile")
    try waiting.expect("status 4")
    #expect(try store.ast("tree").expectSuccess().stdout.contains("1 - old"))
  }
}
