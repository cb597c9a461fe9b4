/// A test function of the test bundle.
struct Test: Hashable {
  /// Its name in the event stream: `AstTests.SyncTests/thatWorks()/SyncTests.swift:12:4`.
  let id: String
  /// Its test target.
  let target: String
  /// Its path below the directory of its test target: `Store/SyncTests.swift`.
  let file: String

  /// The name of its file, which its ``id`` has as well.
  var fileName: String { String(file.split(separator: "/").last ?? "") }

  /// The room it belongs to: that of its test target; in AstTests, that of its folder.
  var room: String {
    switch target {
    case "AstTests":
      let folder = file.split(separator: "/").first.map(String.init) ?? ""
      return ["CommandLine", "Follow", "Open"].contains(folder) ? "ast" : folder
    case "CrashStateTests": return "PowerCuts"
    case "GrubMenuTests": return "Grub"
    default: return target.hasSuffix("Tests") ? String(target.dropLast("Tests".count)) : target
    }
  }
}
