/// A user's password and its age: shadow(5), `name:password:changed:min:max:warn:inactive:expire:reserved`.
public struct ShadowEntry: AccountLine {
  private var fields: AccountFields

  /// The entry on this line.
  public init?(_ line: [UInt8]) {
    guard let fields = AccountFields(line), fields.count > 1 else { return nil }
    self.fields = fields
  }

  /// The default entry of a user: no password is valid, and none was ever set (as systemd-sysusers(8) writes it).
  public init?(lockedUser name: String) { self.init(Array("\(name):!*:::::::".utf8)) }

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
