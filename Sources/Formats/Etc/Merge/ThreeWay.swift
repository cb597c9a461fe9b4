/// One thing as three trees have it: as it was deployed, as it is now, as the new generation has it.
struct ThreeWay<Value: Equatable> {
  let pristine: Value
  let live: Value
  let new: Value

  /// Whose version is to be had.
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

  /// The version to be had, where the live one stays if both were changed.
  var liveFirst: Value { winner == .new ? new : live }
}

extension ThreeWay: Sendable where Value: Sendable {}
