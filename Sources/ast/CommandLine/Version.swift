/// Which ast this is.
enum Version {
  /// The version, as Debian would write it.
  static let text = "0.1.0"
}
