import SystemPackage
import TestSupport

/// A terminal that draws the output of a program with tmux(1): with its columns and colours, and without overwritten text.
final class Screen {
  private let socket: FilePath

  /// Runs a shell command on a terminal with this many columns.
  init(columns: Int, _ command: String, store: TestStore) throws {
    socket = try LoopBtrfs.shared.newDirectory().appending("tmux")
    let path = "\(AstBinary.path.removingLastComponent()):/usr/sbin:/usr/bin:/sbin:/bin"
    let variables = ["AST_STORE": store.root.string, "PATH": path, "LC_ALL": "C.UTF-8"]
    try runSuccessfully(
      ["tmux", "-S", socket.string, "-f", "/dev/null", "new-session", "-d", "-x", "\(columns)", "-y", "60", "env"]
        + variables.map { "\($0.key)=\($0.value)" } + ["sh", "-c", "\(command); echo '\(Self.end)'; exec sleep 1000"])
  }

  deinit { _ = try? run(["tmux", "-S", socket.string, "kill-server"]) }

  /// The rows that are not empty.
  func rows() throws -> [String] { try capture([]) }

  /// The lines as they were written, without wrapping.
  func lines() throws -> [String] { try capture(["-J"]) }

  /// The rows with their escape sequences for colours.
  func colouredRows() throws -> [String] { try capture(["-e"]) }

  /// Waits for the end of the command.
  func finish() throws -> Self {
    try eventually("the end of the command") { try shown([]).contains(Self.end) }
    return self
  }

  /// Waits until a text is shown.
  func wait(for text: String) throws {
    try eventually("“\(text)” on the screen") { try rows().contains { $0.contains(text) } }
  }

  /// Presses a key, as tmux(1) names it.
  func press(_ key: String) throws {
    try runSuccessfully(["tmux", "-S", socket.string, "send-keys", key])
  }

  private static let end = "<end>"

  private func capture(_ options: [String]) throws -> [String] { try shown(options).filter { $0 != Self.end } }

  private func shown(_ options: [String]) throws -> [String] {
    let text = try runSuccessfully(["tmux", "-S", socket.string, "capture-pane", "-p"] + options)
    return text.split(separator: "\n").map(String.init)
  }
}
