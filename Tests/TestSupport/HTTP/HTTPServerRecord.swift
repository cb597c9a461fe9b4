/// A request that was answered.
public struct HTTPExchange: Sendable, Equatable {
  /// `GET` or `HEAD`.
  public let method: String
  /// The path, without escapes.
  public let path: String
  /// The status of the answer.
  public let status: Int
}

extension HTTPServer {
  /// All requests that were answered, in order. A request is among them before the first byte of its answer is sent.
  public var exchanges: [HTTPExchange] { site.exchanges }

  /// How often a path was requested, whatever the answer.
  public func requests(for path: String) -> Int { exchanges.count { $0.path == path } }

  /// How often the content of a path, or the rest of it, was sent. Unchanged and missing files are not counted.
  public func bodies(for path: String) -> Int {
    exchanges.count { $0.path == path && $0.method == "GET" && [200, 206].contains($0.status) }
  }

  /// Resets the counts.
  public func forgetExchanges() { site.forgetExchanges() }
}
