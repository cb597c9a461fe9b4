/// A range of numbers that a user may give to others: subuid(5), subgid(5), `name:start:count`. A user can have several
/// lines, and be named by a uid.
public struct SubordinateEntry: AccountLine {
  private var fields: AccountFields

  /// The entry on this line.
  public init?(_ line: [UInt8]) {
    guard let fields = AccountFields(line), fields.number(1) != nil, fields.number(2) != nil else { return nil }
    self.fields = fields
  }

  /// The line.
  public var line: [UInt8] { fields.line }
  /// The name.
  public var name: String { fields.name }

  /// A field.
  public subscript(field: Int) -> [UInt8] {
    get { fields[field] }
    set { fields[field] = newValue }
  }

  /// The numbers.
  public var range: Range<UInt64> {
    let start = UInt64(fields.number(1) ?? 0)
    return start..<start + UInt64(fields.number(2) ?? 0)
  }
}
