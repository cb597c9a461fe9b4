/// A group's password, administrators and members: gshadow(5), `name:password:administrators:members`.
public struct GroupShadowEntry: AccountLine {
  private var fields: AccountFields

  /// The entry on this line.
  public init?(_ line: [UInt8]) {
    guard let fields = AccountFields(line), fields.count > 1 else { return nil }
    self.fields = fields
  }

  /// The default entry of a group: users cannot join it with a password.
  public init?(lockedGroup name: String) { self.init(Array("\(name):!::".utf8)) }

  /// The line.
  public var line: [UInt8] { fields.line }
  /// The name.
  public var name: String { fields.name }

  /// A field.
  public subscript(field: Int) -> [UInt8] {
    get { fields[field] }
    set { fields[field] = newValue }
  }
}
