import SystemPackage
import TestSupport
import Testing

/// The completions that the shells offer, tested in the shells themselves.
@Suite(.requiresRoot) struct CompletionTests {
  private static let description = "it's a $HOME: server"

  private let store: TestStore

  init() throws {
    store = try TestStore()
    try store.ast("clone", "0", Self.description).expectSuccess()
  }

  @Test func bashOffersNodes() throws {
    let shell = try shell(["bash", "--norc", "-i"], "source <(ast --generate-completion-script bash)")
    try shell.send("ast desc \t\t")
    try shell.expect("0  1")
  }

  @Test func commandsThatCanBeTakenBackAreOffered() throws {
    try store.ast("tree-run", "1", "touch", "/x").expectSuccess()
    let shell = try shell(["fish", "--no-config", "-i"], "ast --generate-completion-script fish | source")
    try shell.send("ast undo --operation \t")
    try shell.expect("t3")
  }

  @Test func openTransactionsAreOffered() throws {
    let store = try OpenStore()
    let shell = try shell(["bash", "--norc", "-i"], "source <(ast --generate-completion-script bash)", store.store)
    try shell.send("ast call \t")
    try shell.expect("\(store.transaction) ")
  }

  @Test func settingsOfNodesAreOffered() throws {
    let shell = try shell(["bash", "--norc", "-i"], "source <(ast --generate-completion-script bash)")
    try shell.send("ast config -N 1 --unset updates.c\t")
    try shell.expect("updates.clone-before ")
    let another = try self.shell(["bash", "--norc", "-i"], "source <(ast --generate-completion-script bash)")
    try another.send("ast config -N 1 --set boot.k\t")
    try another.expect("boot.kernel-arguments")
  }

  @Test func tagsOfGenerationsAreOfferedWhereOneCanBeNamed() throws {
    try store.ast("tag", "1@1", "before").expectSuccess()
    let shell = try shell(["bash", "--norc", "-i"], "source <(ast --generate-completion-script bash)")
    try shell.send("ast info b\t")
    try shell.expect("before ")
  }

  @Test func zshShowsWhatTheNodesAre() throws {
    let shell = try shell(
      ["zsh", "-f", "-i"],
      "autoload -Uz compinit; compinit -u -D; eval \"$(ast --generate-completion-script zsh)\"; compdef _ast ast")
    try shell.send("ast desc \t\t")
    try shell.expect("1  -- \(Self.description)")
  }

  @Test func fishShowsWhatTheNodesAre() throws {
    let shell = try shell(["fish", "--no-config", "-i"], "ast --generate-completion-script fish | source")
    try shell.send("ast desc \t")
    try shell.expect("1  (\(Self.description))")
  }

  @Test func whereNothingIsThereNothingIsSaid() throws {
    let shell = try shell(["bash", "--norc", "-i"], "source <(ast --generate-completion-script bash)")
    try shell.send("ast --store /nowhere desc \t\t; echo no''thing\n")
    let shown = try shell.expect("nothing\r\n")
    #expect(!shown.contains("\n0"), "\(shown)")
    #expect(!shown.contains("ast: there is no store"), "\(shown)")
  }

  /// A shell that has read the completions.
  private func shell(
    _ command: [String], _ setUp: String, _ store: TestStore? = nil
  ) throws -> PseudoTerminal {
    let path = "\(AstBinary.path.removingLastComponent()):/usr/sbin:/usr/bin:/sbin:/bin"
    let terminal = try PseudoTerminal(
      command,
      environment: plainEnvironment.merging([
        "AST_STORE": (store ?? self.store).root.string, "PATH": path, "TERM": "xterm",
      ]) { $1 })
    try terminal.send("\(setUp); echo re''ady\n")
    try terminal.expect("ready\r\n")
    return terminal
  }
}
