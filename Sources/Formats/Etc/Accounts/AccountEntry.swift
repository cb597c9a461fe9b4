/// A line that names an account, in passwd(5), group(5), shadow(5), gshadow(5) or subuid(5). Unchanged
/// bytes stay as they are.
public protocol AccountLine: Hashable, Sendable {
  /// The entry on this line, without its newline; nil for comments, NIS lines (`+`, `-`) and lines that no program
  /// takes for an account.
  init?(_ line: [UInt8])
  /// The line, without its newline.
  var line: [UInt8] { get }
  /// The name.
  var name: String { get }
  /// A field after the name, which is field 0 and cannot change; empty if the line is shorter.
  subscript(field: Int) -> [UInt8] { get set }
}

/// An account that has a number: a user or a group.
public protocol AccountEntry: AccountLine {
  /// The uid or gid.
  var id: UInt32 { get set }
}

/// A user: passwd(5), `name:password:uid:gid:comment:home:shell`.
public struct PasswdEntry: AccountEntry {
  private var fields: AccountFields

  /// The user on this line.
  public init?(_ line: [UInt8]) {
    guard let fields = AccountFields(line), fields.number(2) != nil, fields.number(3) != nil else { return nil }
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

  /// The uid.
  public var id: UInt32 {
    get { fields.number(2) ?? 0 }
    set { fields.set(2, to: newValue) }
  }

  /// The gid of the user's own group.
  public var group: UInt32 {
    get { fields.number(3) ?? 0 }
    set { fields.set(3, to: newValue) }
  }

  /// The path of the shell; nil if the field has none. passwd(5) says /bin/sh for an empty field.
  public var shell: String? {
    let shell = String(decoding: fields[6], as: UTF8.self)
    return shell.hasPrefix("/") ? shell : nil
  }
}

/// A group: group(5), `name:password:gid:members`.
public struct GroupEntry: AccountEntry {
  private var fields: AccountFields

  /// The group on this line.
  public init?(_ line: [UInt8]) {
    guard let fields = AccountFields(line), fields.number(2) != nil else { return nil }
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

  /// The gid.
  public var id: UInt32 {
    get { fields.number(2) ?? 0 }
    set { fields.set(2, to: newValue) }
  }
}
