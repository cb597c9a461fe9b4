/// A value of one of the storage classes of SQLite (https://sqlite.org/datatype3.html).
public enum Value: Sendable, Hashable {
  /// No value.
  case null
  /// A signed integer of 64 bits.
  case integer(Int64)
  /// A floating-point number.
  case real(Double)
  /// UTF-8 text, which may contain NUL.
  case text(String)
  /// Bytes.
  case blob([UInt8])
}

/// A type that is stored as one SQLite value.
public protocol ValueConvertible {
  /// The value that is stored.
  var value: Value { get }
}

extension Value: ValueConvertible {
  /// The value itself.
  public var value: Value { self }
}

extension Int: ValueConvertible {
  /// An integer.
  public var value: Value { .integer(Int64(self)) }
}

extension Int64: ValueConvertible {
  /// An integer.
  public var value: Value { .integer(self) }
}

extension Int32: ValueConvertible {
  /// An integer.
  public var value: Value { .integer(Int64(self)) }
}

extension UInt32: ValueConvertible {
  /// An integer.
  public var value: Value { .integer(Int64(self)) }
}

extension Bool: ValueConvertible {
  /// 1 or 0.
  public var value: Value { .integer(self ? 1 : 0) }
}

extension Double: ValueConvertible {
  /// A floating-point number.
  public var value: Value { .real(self) }
}

extension String: ValueConvertible {
  /// Text.
  public var value: Value { .text(self) }
}

extension [UInt8]: ValueConvertible {
  /// A blob.
  public var value: Value { .blob(self) }
}

extension Optional: ValueConvertible where Wrapped: ValueConvertible {
  /// The wrapped value, or null.
  public var value: Value { self?.value ?? .null }
}
