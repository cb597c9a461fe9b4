import Glibc
import SystemPackage

/// The store of one test, driven through the program as by a user.
public struct TestStore: Sendable {
  /// The store's directory.
  public let root: FilePath
  /// The disk of the store, which must exist as long as the store does.
  public var ground: (any AnyObject & Sendable)?

  /// A store with a tiny base (node 0), on the file system all tests share unless another directory is given.
  public init(at directory: FilePath? = nil) throws {
    root = try directory ?? LoopBtrfs.shared.newDirectory()
    try ast("init", "--directory", try TinyRoot.path.string).expectSuccess()
  }

  /// The database file.
  public var database: FilePath { root.appending("ast/tree.sqlite") }

  /// An existing store.
  public init(existing root: FilePath) { self.root = root }

  /// Runs `ast` with these arguments on this store, without a terminal.
  @discardableResult
  public func ast(
    _ arguments: String..., input: String = "", environment: [String: String] = [:]
  ) throws -> CommandResult {
    try ast(arguments, input: input, environment: environment)
  }

  /// Runs `ast` with these arguments on this store, without a terminal.
  public func ast(
    _ arguments: [String], input: String = "", environment: [String: String] = [:]
  ) throws -> CommandResult {
    let variables = variables.merging(environment) { $1 }
    return try run(
      [AstBinary.path.string] + arguments, environment: plainEnvironment.merging(variables) { $1 }, input: input)
  }

  /// The variables by which ast finds this store, and the open transactions in it.
  public var variables: [String: String] { ["AST_STORE": root.string, "AST_OPEN_DIR": "\(root).open"] }

  /// The directory with the current content of a node.
  public func content(of node: Int) throws -> FilePath {
    let link = root.appending("rootfs/snapshot-\(node)")
    return FilePath(try runSuccessfully(["realpath", link.string]).split(separator: "\n").joined())
  }

  /// A checksum over a directory: names, kinds, modes, owners, link targets and contents, but not times.
  public static func checksum(of directory: FilePath) throws -> String {
    let script = """
      cd "$1" && { find . -mindepth 1 -printf '%y %m %U:%G %l %P\\n' | LC_ALL=C sort; \
      find . -type f -print0 | LC_ALL=C sort -z | xargs -0 --no-run-if-empty sha256sum; } | sha256sum
      """
    return try runSuccessfully(["sh", "-c", script, "sh", directory.string])
  }
}

extension CommandResult {
  /// The result itself, if the command exited with 0.
  ///
  /// - Throws: `CommandFailure`.
  @discardableResult
  public func expectSuccess() throws -> CommandResult {
    guard status == 0 else { throw CommandFailure(argv: ["ast"], result: self) }
    return self
  }
}
