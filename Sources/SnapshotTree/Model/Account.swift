/// A user or a group, whose number is the same in all nodes.
public struct Account: Hashable, Codable, Sendable {
  /// The kinds of account.
  public enum Kind: String, Hashable, Codable, Sendable, CaseIterable {
    /// An entry of passwd(5).
    case user
    /// An entry of group(5).
    case group
  }

  /// User or group.
  public var kind: Kind
  /// The name.
  public var name: String
  /// The uid or gid.
  public var id: UInt32

  /// An account with these facts.
  public init(kind: Kind, name: String, id: UInt32) {
    self.kind = kind
    self.name = name
    self.id = id
  }
}
