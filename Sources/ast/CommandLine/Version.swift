/// The version of this ast.
enum Version {
  /// The version, in Debian's form.
  static let text = "0.2.0"
}
