/// An upgrade from one release of Debian to the next.
enum Releases: String, CaseIterable {
  case trixie
  case forky

  /// The codename of the newer release.
  var new: String { rawValue }

  /// The codename of the older release.
  var old: String {
    switch self {
    case .trixie: "bookworm"
    case .forky: "trixie"
    }
  }
}
