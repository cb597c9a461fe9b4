import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// The standard streams of a program in a node are files and terminals of the host: it may use them, and nothing else.
@Suite("Streams of the caller", .requiresRoot)
struct StreamTests {
  private let store: TestStore
  private let file: FilePath

  init() throws {
    store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    file = try LoopBtrfs.shared.newDirectory().appending("file")
    try Data("line\nrest\n".utf8).write(to: URL(filePath: file.string))
  }

  private var content: String { get throws { try String(contentsOfFile: file.string, encoding: .utf8) } }
  private var mode: String { get throws { try runSuccessfully(["stat", "-c", "%a %U", file.string]) } }

  private func ast(_ words: String) -> String { "\"\(AstBinary.path)\" --store \"\(store.root)\" \(words)" }

  @Test func inputIsReadAndNothingElse() throws {
    let before = try mode
    let script = "echo bad >/proc/self/fd/0 || echo refused; chmod 4777 /proc/self/fd/0 || echo refused; cat"
    let result = try run(["sh", "-c", "\(ast("run 1 sh -c '\(script)'")) <\(file)"], environment: plainEnvironment)
    #expect(result.stdout == "refused\nrefused\nline\nrest\n", "\(result)")
    #expect(try content == "line\nrest\n")
    #expect(try mode == before)
  }

  /// What the program leaves is for the next program, as with any other.
  @Test func inputIsSharedWithTheNextProgram() throws {
    let result = try run(
      ["sh", "-c", "{ read first; \(ast("run 1 dd bs=1 count=2 status=none")); cat; } <\(file)"],
      environment: plainEnvironment)
    #expect(result.stdout == "rest\n", "\(result)")
  }

  @Test func outputIsWrittenAndNothingElse() throws {
    let before = try mode
    let script = "chmod 4777 /proc/self/fd/1 /proc/self/fd/2; echo out; echo err >&2; echo out"
    try runSuccessfully(["sh", "-c", "\(ast("run 1 sh -c '\(script)'")) >>\(file) 2>&1 </dev/null"])
    let lines = try content.lines.filter { !$0.hasPrefix("chmod") }
    #expect(lines.prefix(5) == ["line", "rest", "out", "err", "out"], "\(lines)")
    #expect(try mode == before)
  }

  /// Disks and pipes with a name are files of the host, too.
  @Test func devicesAndNamedPipesKeepTheirModes() throws {
    let script = """
      disk=$(losetup --find --show "$1"); trap 'losetup --detach $disk' EXIT
      mkfifo "$1.in" "$1.out"; chmod 600 "$1.in" "$1.out"
      before=$(stat -c '%a %u' $disk "$1.in" "$1.out")
      (cat "$1.out" >"$1.read"; :) & (echo fifo >"$1.in") &
      \(ast("run 1 sh -c 'chmod 4777 /proc/self/fd/0 /proc/self/fd/1; cat'")) <"$1.in" >"$1.out" 2>/dev/null
      wait
      \(ast("run 1 sh -c 'chmod 4777 /proc/self/fd/1; echo disk'")) >$disk 2>/dev/null
      cat "$1.read"; head -c 5 $disk; [ "$before" = "$(stat -c '%a %u' $disk "$1.in" "$1.out")" ] && echo same
      """
    try runSuccessfully(["truncate", "-s", "1M", file.string])
    let result = try run(["bash", "-ec", script, "bash", file.string], environment: plainEnvironment)
    #expect(result.stdout == "fifo\ndisk\nsame\n", "\(result)")
  }

  /// A program whose output is lost has not done its work.
  @Test func outputThatCannotBeWrittenIsAnError() throws {
    let script = """
      mount -t tmpfs -o size=64k none /mnt; \(ast("run 1 sh -c 'echo x >/new; dd if=/dev/zero bs=64k count=64'")) >/mnt/f
      """
    let result = try run(["unshare", "--mount", "sh", "-c", script], environment: plainEnvironment)
    #expect(result.status == 125, "\(result)")
    #expect(result.stderr.contains("ast: cannot write the output of the program: No space left"), "\(result)")
    #expect(try !FileManager.default.fileExists(atPath: store.content(of: 1).appending("new").string))
  }

  @Test func theTerminalKeepsItsModeAndOwner() throws {
    let script =
      "chmod 0 /proc/self/fd/0 2>/dev/null || echo refused; chown 1 /dev/fd/1 2>/dev/null || echo refused; tty"
    let terminal = try PseudoTerminal(
      ["sh", "-c", "stat -c 'before %a %u' $(tty); \(ast("run 1 sh -c '\(script)'")); stat -c 'after %a %u' $(tty)"],
      environment: plainEnvironment)
    try terminal.expect("before 600 0\r\n", timeout: 60)
    try terminal.expect("refused\r\nrefused\r\n/dev/console\r\n", timeout: 60)
    try terminal.expect("after 600 0\r\n", timeout: 60)
    #expect(try terminal.waitForExit() == 0)
  }
}
