import Btrfs
import FoundationEssentials
import Glibc
import Sandbox
import Settings
import SnapshotTree
import SystemPackage

/// The reason why an operation failed: what failed, what state things are in, and what to do next.
///
/// Every sentence that a user reads about a failure is made here or where this is thrown; the command line only prints
/// it.
public struct AstError: Error, Sendable, Equatable {
  /// The kind of failure: stable words, used in JSON.
  public enum Code: String, Sendable, CaseIterable {
    case failed
    case usage
    case notFound = "not-found"
    case busy
    case refused
    case partial
    case noSpace = "no-space"
    case needsRoot = "needs-root"
    case damaged
    case interrupted
    /// Things are already as they were asked to be.
    case nothingToDo = "nothing-to-do"
    /// There is a question, and nobody to answer it.
    case needsAnswer = "needs-answer"
  }

  /// The state that a failure leaves behind.
  public enum State: String, Sendable {
    case unchanged = "nothing was changed"
    case discarded = "the changes are discarded"

    /// The same as one word: stable, used in JSON.
    public var word: String {
      switch self {
      case .unchanged: "unchanged"
      case .discarded: "discarded"
      }
    }
  }

  /// The kind of failure.
  public let code: Code
  /// What failed, on which node or path.
  public let reason: String
  /// The state things are in now; nil if the reason says it.
  public let state: State?
  /// What to do next, when there is something to do.
  public private(set) var hint: String?
  /// The operation that failed, as the history names it; nil if none was begun.
  public private(set) var operation: OperationID?
  /// The command that works on what is busy, if it is known.
  package private(set) var holder: LockHolder?
  /// The exit status of a shell that cannot start the program, 126 or 127, if that is what failed.
  package private(set) var programStatus: Int32?

  /// The signal that interrupted it.
  public private(set) var signal: Int32?

  /// An error with its reason, the state it leaves, and a hint.
  public init(_ code: Code, _ reason: String, state: State? = nil, hint: String? = nil) {
    self.code = code
    self.reason = reason
    self.state = state
    self.hint = hint
  }

  /// The sentence that a user reads: the reason, and the state.
  public var message: String { state.map { "\(reason); \($0.rawValue)" } ?? reason }

  /// The same error with another hint.
  package func advising(_ hint: String) -> AstError {
    with { $0.hint = hint }
  }

  /// The same error as the end of an operation, unless it already belongs to one.
  package func ending(_ operation: OperationID?) -> AstError {
    with { $0.operation = $0.operation ?? operation }
  }

  /// The same error with the command that holds what is busy.
  package func naming(_ holder: LockHolder?) -> AstError {
    with { $0.holder = holder }
  }

  private func with(_ change: (inout AstError) -> Void) -> AstError {
    var error = self
    change(&error)
    return error
  }

  /// The error for an end by a stop signal.
  public static func interrupted(by signal: Int32, state: State? = .unchanged) -> AstError {
    AstError(.interrupted, "interrupted by signal \(signal)", state: state).with { $0.signal = signal }
  }

  /// The exit status of the command line for this failure.
  public var exitStatus: Int32 { signal.map { 128 + $0 } ?? code.exitStatus }
}

extension AstError.Code {
  /// The exit status of the command line for a failure of this kind; an interruption counts as one by SIGINT.
  public var exitStatus: Int32 {
    switch self {
    case .failed, .needsRoot, .damaged: 1
    case .usage, .needsAnswer: 2
    case .notFound: 3
    case .busy: 4
    case .refused, .nothingToDo: 5
    case .partial: 6
    case .noSpace: 7
    case .interrupted: 128 + SIGINT
    }
  }
}

extension AstError {
  /// The sentence for an error of a lower layer.
  public init(_ error: any Error) {
    switch error {
    case let error as AstError: self = error
    case let error as BtrfsError: self.init(btrfs: error)
    case let error as TreeError: self.init(tree: error)
    case let error as ConfigurationError: self.init(.usage, "\(error)", hint: "see ast.toml(5)")
    case let error as SandboxError:
      let isOutOfMemory = error.step == .attend && error.errno == .noMemory
      self.init(.failed, "\(error)", hint: isOutOfMemory ? "the limit is limits.memory-max: see ast.toml(5)" : nil)
      programStatus = error.status
    case let error as FileError where error.errno == .noSpace: self = .noSpaceLeft("\(error)")
    case let error as Errno where error == .noSpace: self = .noSpaceLeft("\(error)")
    case let error as CocoaError where error.code == .fileWriteOutOfSpace: self = .noSpaceLeft("\(error)")
    case let error as CocoaError: self.init(.failed, Self.words(error))
    default: self.init(.failed, "\(error)")
    }
  }

  /// The sentence for an error of Foundation, whose own text is for programmers.
  private static func words(_ error: CocoaError) -> String {
    let reason = (error.userInfo["NSUnderlyingError"] as? POSIXError).map { "\(Errno(rawValue: $0.code.rawValue))" }
    let attempt =
      switch error.code {
      case .fileReadNoSuchFile, .fileReadNoPermission, .fileReadUnknown, .fileReadTooLarge: "read"
      case .fileWriteNoPermission, .fileWriteFileExists, .fileWriteVolumeReadOnly, .fileWriteUnknown: "write"
      default: "work with"
      }
    return
      "cannot \(attempt) \(error.filePath ?? error.url?.path() ?? "a file"): \(reason ?? "error \(error.code.rawValue)")"
  }

  package static let spaceHint = "free space with `ast gc` or `ast del`, then run the command again"

  package static func noSpaceLeft(_ detail: String) -> AstError {
    AstError(
      .noSpace, "no space left on the store's file system: \(detail)", state: .unchanged, hint: spaceHint)
  }

  package static func unknown(_ node: NodeID) -> AstError {
    AstError(.notFound, "there is no node \(node)", hint: "`ast tree` shows the nodes")
  }

  package static func changedMeanwhile(_ node: NodeID) -> AstError {
    AstError(
      .busy, "node \(node) was changed meanwhile", state: .unchanged,
      hint: "run the command again, or with `--wait`")
  }

  /// The end of a command whose question was answered with no.
  public static let notConfirmed = AstError(.failed, "not confirmed", state: .unchanged)

  package static let base = AstError(
    .refused, "node 0 is the base: only `ast base-update` changes it", hint: "clone it and change the clone")

  package static let rebuildHint = "`ast doctor --rebuild` restores the tree from its record files and the subvolumes"

  private init(btrfs error: BtrfsError) {
    switch error.code {
    case .noSpace: self = .noSpaceLeft("\(error)")
    case .notBtrfs: self.init(.failed, "\(error)", hint: "a store needs a directory on a mounted btrfs file system")
    default: self.init(.failed, "\(error)")
    }
  }

  private init(tree error: TreeError) {
    switch error {
    case .unknownNode(let node): self = .unknown(node)
    case .noSpace: self = .noSpaceLeft("\(error)")
    case .busy: self.init(.busy, "\(error)", hint: "try again in a moment")
    case .missing, .empty, .corrupt, .truncated, .notADatabase, .notATree:
      self.init(.damaged, "\(error)", state: .unchanged, hint: Self.rebuildHint)
    // SQLITE_IOERR: the way in which btrfs reports data with a wrong checksum.
    case .sqlite(_, let code, _) where code & 0xff == 10:
      self.init(.damaged, "\(error)", state: .unchanged, hint: "look at the kernel's messages; \(Self.rebuildHint)")
    default: self.init(.failed, "\(error)")
    }
  }
}

extension TreeError {
  /// Whether the disk is full.
  package var isNoSpace: Bool { if case .noSpace = self { true } else { false } }

  /// Whether the change may have been made all the same: everything it refers to must stay until the next command
  /// knows.
  package var isOutcomeUnknown: Bool { if case .outcomeUnknown = self { true } else { false } }
}
