import Glibc
import SystemPackage
import TestSupport
import Testing

/// The interactive shell of an administrator, on its own terminal, from which `ast` is called.
struct OuterShell {
  let terminal: PseudoTerminal

  /// The prompt of the shell outside, a text that no program prints by accident.
  private static let prompt = "OUTSIDE> "

  init(_ store: TestStore) throws {
    let directory = AstBinary.path.removingLastComponent()
    let variables = store.variables.merging([
      "PS1": Self.prompt, "PATH": "\(directory):/usr/sbin:/usr/bin:/sbin:/bin",
    ]) { $1 }
    terminal = try PseudoTerminal(
      ["bash", "--norc", "--noediting", "-i"], environment: plainEnvironment.merging(variables) { $1 }, columns: 200)
    try terminal.expect(Self.prompt)
  }

  /// Types a command, waits for the prompt, and returns the output in between.
  @discardableResult
  func command(_ line: String) throws -> [String] {
    try terminal.send(line + "\n")
    return try returned(after: line)
  }

  /// Waits for the prompt, and returns the output before it, without the echo of `line`.
  @discardableResult
  func returned(after line: String) throws -> [String] {
    try shown(before: Self.prompt, after: line)
  }

  /// Opens a node with `ast chroot` and waits for the prompt inside.
  func enter(_ node: DebianNode) throws {
    try terminal.send("ast chroot \(node.id)\n")
    let shown = try shown(before: Self.prompt(in: node), after: "ast chroot \(node.id)")
    #expect(shown == ["ast: node \(node.id) is open: `exit 0` keeps the changes, `exit 1` discards them"])
  }

  /// Types a command in the shell inside, and returns its output.
  @discardableResult
  func inside(_ node: DebianNode, _ line: String) throws -> [String] {
    try terminal.send(line + "\n")
    return try shown(before: Self.prompt(in: node), after: line)
  }

  /// Leaves the node, and returns the output up to the prompt of the shell outside, and the exit status.
  func leave(_ node: DebianNode, _ line: String) throws -> (shown: [String], status: String) {
    (try command(line), try status())
  }

  /// The status of the last command in the shell outside.
  func status() throws -> String { try command("echo $?").joined(separator: "\n") }

  /// Debian's prompt of root in a node (/etc/bash.bashrc).
  static func prompt(in node: DebianNode) -> String {
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, name.count)
    let host = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    return "(ast \(node.id))root@\(host.split(separator: ".").first ?? ""):/# "
  }

  private func shown(before prompt: String, after line: String) throws -> [String] {
    var lines = try terminal.expect(prompt, timeout: 60).split(separator: "\r\n", omittingEmptySubsequences: false)
      .map { $0.split(separator: "\r").joined() }
    if lines.first == line { lines.removeFirst() }
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }
}
