/// The settings of the network of programs in nodes: the table `network`.
public struct NetworkSettings: Sendable, Equatable {
  /// Whether it is a network of its own.
  public enum Isolation: String, Sendable, CaseIterable {
    /// Nothing of the machine is reached.
    case on
    /// It is the machine's.
    case off
  }

  /// Whether it is a network of its own.
  public var isolation: Isolation
  /// The ports of the machine's loopback interface that apt may use.
  public var loopbackPorts: [Int]
}

extension Settings {
  /// The settings of the network of programs in nodes.
  public var network: NetworkSettings {
    var settings = NetworkSettings(isolation: .on, loopbackPorts: [])
    // Reading has checked each value against the kind of its key.
    if case .text(let text) = value(of: .isolation) { settings.isolation = .init(rawValue: text) ?? .on }
    if case .numbers(let ports) = value(of: .loopback) { settings.loopbackPorts = ports }
    return settings
  }
}
