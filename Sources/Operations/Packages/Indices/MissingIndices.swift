import DebianFormats
import Host
import SnapshotTree

/// What the indices of a session lack.
enum MissingIndices {
  /// They were never fetched.
  case never
  /// They are what there was before: no source could be fetched.
  case all(AstError)
  /// These sources could not be fetched: there is nothing of them, or what there was before.
  case sources([AptUpdate.Failure])

  /// The error of a request that cannot be met: what is missing comes first, because it can be the reason.
  func explain(_ error: AstError, of node: NodeID) -> AstError {
    switch self {
    case .never:
      return AstError(
        error.code, "the package indices of node \(node) were never fetched; \(error.reason)", state: error.state,
        hint: "`ast refresh \(node)` fetches them")
    case .all(let cause):
      return AstError(cause.code, "\(cause.reason); \(error.reason)", state: error.state, hint: cause.hint)
    case .sources(let failures):
      let names = failures.prefix(3).map { "the source \($0.source) could not be fetched (\($0.reason))" }
      return AstError(
        error.code, (names + [error.reason]).joined(separator: "; "), state: error.state,
        hint: "`ast refresh \(node)` tries again")
    }
  }
}
