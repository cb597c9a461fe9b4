import Packages
import SnapshotTree
import Store

/// One step of progress: what programs get, and what the line on a terminal is made from.
struct ProgressLine: Codable, Equatable, Sendable {
  /// What is done at the moment.
  enum State: String, Codable {
    case refreshing, planning, downloading, working, verifying, committing
    case installingLive = "installing-live"
  }

  /// The steps among which only some are reported.
  struct Kind: Hashable {
    let node: NodeID?
    let state: State
  }

  private(set) var event = "progress"
  @Nullable var node: NodeID?
  let state: State
  /// The part of the state that is done, from 0 to 1.
  @Nullable var fraction: Double?
  /// The bytes that are fetched.
  @Nullable var done: Int64?
  /// The bytes that are to be fetched.
  @Nullable var total: Int64?
  /// The bytes that come in a second.
  @Nullable var rate: Int64?
  /// The seconds until all is fetched.
  @Nullable var secondsLeft: Int?
  @Nullable var package: String?
  @Nullable var message: String?
  /// Whether a signal still ends the command without a change.
  let cancellable: Bool

  var kind: Kind { Kind(node: node, state: state) }

  /// The progress of a change of packages.
  ///
  /// - Parameter rate: the bytes that come in a second, if that is known.
  init(_ progress: PackageProgress, of node: NodeID, rate: Int64? = nil) {
    switch progress {
    case .refreshing: self.init(in: .refreshing, of: node)
    case .planning: self.init(in: .planning, of: node)
    case .downloading(let done, let total):
      self.init(in: .downloading, of: node)
      fraction = Self.rounded(total > 0 ? Double(done) / Double(total) : 1)
      (self.done, self.total, self.rate) = (done, total, rate)
      secondsLeft = rate.flatMap { $0 > 0 ? Int((total - done) / $0) : nil }
    case .working(let fraction, let package, let what):
      self.init(in: .working, of: node)
      self.fraction = Self.rounded(min(max(fraction, 0), 1))
      // What dpkg does for no package in particular has the name of its phase.
      self.package = package.hasPrefix("dpkg-exec") ? nil : package
      message = what
    case .verifying: self.init(in: .verifying, of: node)
    case .committing: self.init(in: .committing, of: node)
    case .installingLive: self.init(in: .installingLive, of: node)
    }
  }

  /// A step of a transaction.
  init(reaching step: StoreEvent.Step, of node: NodeID) {
    switch step {
    case .working: self.init(in: .working, of: node)
    case .verifying: self.init(in: .verifying, of: node)
    case .committing: self.init(in: .committing, of: node)
    }
  }

  /// A step of work that has a sentence for each.
  init(_ message: String, of node: NodeID?) {
    self.init(in: .working, of: node)
    self.message = message
  }

  private init(in state: State, of node: NodeID?) {
    self.state = state
    self.node = node
    cancellable = ![.committing, .installingLive].contains(state)
  }

  /// The part of a node's whole work that is done with this step: about what the states take.
  var share: Double {
    let part = fraction ?? 0
    return switch state {
    case .refreshing: 0
    case .planning: 0.1
    case .downloading: 0.15 + 0.35 * part
    case .working: 0.5 + 0.4 * part
    case .verifying: 0.9
    case .committing: 0.95
    case .installingLive: 0.97
    }
  }

  /// To three digits, which is more than anybody sees.
  static func rounded(_ fraction: Double) -> Double { (fraction * 1000).rounded() / 1000 }
}
