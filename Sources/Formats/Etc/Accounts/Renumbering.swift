/// The changes of a root's numbers that give its accounts the numbers of the registry.
public struct Renumbering: Hashable, Sendable {
  /// An account, the number it has in the root, and the one the registry has for it.
  public struct Move: Hashable, Sendable {
    /// The name.
    public let name: String
    /// The number in the root.
    public let old: UInt32
    /// The number in the registry.
    public let new: UInt32

    /// A move.
    public init(name: String, from old: UInt32, to new: UInt32) {
      self.name = name
      self.old = old
      self.new = new
    }
  }

  /// The possible moves, to be made all at once: a number can be an old and a new one. No two numbers become the same.
  public let moves: [Move]
  /// The impossible moves: the number belongs to an account that keeps it.
  public let conflicts: [Move]

  /// New numbers by old ones.
  public var numbers: [UInt32: UInt32] { Dictionary(uniqueKeysWithValues: moves.map { ($0.old, $0.new) }) }
}
