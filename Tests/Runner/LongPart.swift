import SystemPackage
import TestSupport

/// What takes too long for each change. A line here is all that a further one needs.
struct LongPart {
  /// The room it belongs to.
  let room: String
  /// What is done.
  let part: Part

  /// A part: its name, its room, and its command line.
  init(_ name: String, room: String, _ command: [String]) { self.init(name, room: room, .command(command)) }

  private init(_ name: String, room: String, _ work: Part.Work) {
    self.room = room
    part = Part(name: name, work: work)
  }

  /// The parts that are not boots, a line each.
  private static let others =
    [
      LongPart("debian-swift", room: "debian-swift", ["\(Checkout.directory)/Tests/DebianSwift/run", "try"]),
      LongPart("debian-swift-arm64", room: "debian-swift", ["\(Checkout.directory)/Tests/DebianSwift/run", "arm64"]),
    ]
    + ["trixie", "forky"].map { release in
      LongPart(
        "debian-packages-\(release)", room: "debian-packages",
        ["\(Checkout.directory)/Tests/DebianPackages/run", release])
    }
    + (1...fuzzParts).map { part in
      LongPart(
        "fuzz-\(part)", room: "fuzz", ["\(Checkout.directory)/Tests/Fuzz/run", "600", "\(part)/\(fuzzParts)"])
    }

  /// So many that the parsers of each, ten minutes for two at a time, take less than an hour.
  private static let fuzzParts = 5

  /// Random commands under everything that can happen to them, a quarter each; and each command, killed everywhere.
  private static let campaign = ["1", "2", "3", "4", "every-fail-point"].map { part in
    LongPart("campaign-\(part)", room: "campaign", ["\(Checkout.directory)/Tests/Campaign/run", part])
  }

  /// The rooms there are.
  static let rooms =
    [
      "boot", "start", "older", "secure", "power-cuts", "adoption", "tutorial", "campaign", "debian-packages",
      "debian-swift", "fuzz",
    ]

  /// All of them: those above, and the tests of Tests/Boot that are not among the short ones, a part each.
  static func all() throws -> [LongPart] { try others + campaign + boots() }

  private static func boots() throws -> [LongPart] {
    try runSuccessfully(["Tests/Boot/run", "--full", "--list"], in: Checkout.directory).split(separator: "\n")
      .map { $0.split(separator: " ").map(String.init) }.filter { $0.count == 2 && $0[0] != "short" }
      .map { words in
        let (module, test) = (words[0], words[1])
        let room = test.contains("power_cuts") ? "power-cuts" : module == "full" ? "boot" : module
        return LongPart(test, room: room, .boots("--full", test))
      }
  }
}
