/// A value in three trees: as it was deployed, as it is now, as the new generation has it.
struct ThreeWay<Value: Equatable> {
  let pristine: Value
  let live: Value
  let new: Value

  /// The side whose version wins.
  enum Winner {
    /// The live one and the new one are the same.
    case both
    /// Only the live one was changed.
    case live
    /// Only the new one was changed.
    case new
    /// Both were changed, and differ.
    case neither
  }

  init(_ pristine: Value, _ live: Value, _ new: Value) {
    self.pristine = pristine
    self.live = live
    self.new = new
  }

  var winner: Winner {
    if live == new { return .both }
    if live == pristine { return .new }
    return new == pristine ? .live : .neither
  }

  /// The version that wins; the live one if both were changed.
  var liveFirst: Value { winner == .new ? new : live }
}

extension ThreeWay: Sendable where Value: Sendable {}
