import Packages
import SnapshotTree

/// One step of progress, as programs get it.
struct ProgressLine: Encodable, Equatable, Sendable {
  /// The steps among which only some are reported.
  struct Kind: Hashable {
    let node: NodeID
    let state: String
  }

  let event = "progress"
  let node: NodeID
  let state: String
  @Nullable var fraction: Double?
  @Nullable var package: String?
  @Nullable var message: String?

  var kind: Kind { Kind(node: node, state: state) }

  init(_ progress: PackageProgress, of node: NodeID) {
    self.node = node
    switch progress {
    case .refreshing: state = "refreshing"
    case .planning: state = "planning"
    case .downloading(let done, let total):
      state = "downloading"
      fraction = Self.rounded(total > 0 ? Double(done) / Double(total) : 1)
    case .working(let fraction, let package, let what):
      state = "working"
      (self.fraction, self.package, message) = (Self.rounded(fraction), package, what)
    case .verifying: state = "verifying"
    case .committing: state = "committing"
    case .installingLive: state = "installing-live"
    }
  }

  /// To three digits, which is more than anybody sees.
  private static func rounded(_ fraction: Double) -> Double { (fraction * 1000).rounded() / 1000 }
}
