import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// The ground plan in Sources/README.md, compared with the package and with the folders.
@Suite("Ground plan") struct GroundPlanTests {
  /// The rooms: targets in Sources that are written in Swift, with the rooms each of them uses.
  private let rooms: [String: Room]

  private struct Room {
    let path: FilePath
    let uses: Set<String>
  }

  /// What `swift package dump-package` prints, as far as it is needed here.
  private struct Manifest: Decodable {
    struct Target: Decodable {
      let name: String
      let type: String
      let path: String?
      let dependencies: [[String: [String?]]]
    }
    let targets: [Target]

    private enum CodingKeys: CodingKey { case targets }
    init(from decoder: any Decoder) throws {
      targets = try decoder.container(keyedBy: CodingKeys.self).decode([Target].self, forKey: .targets)
    }
  }

  init() throws {
    // A scratch directory of its own: `swift test` has the lock of the usual one.
    let scratch = FilePath("/tmp/ast-ground-plan-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(atPath: scratch.string) }
    let environment = ["PATH", "HOME"].reduce(into: plainEnvironment) { environment, name in
      environment[name] = ProcessInfo.processInfo.environment[name]
    }
    let text = try runSuccessfully(
      [
        "swift", "package", "--package-path", Checkout.directory.string, "--scratch-path", scratch.string,
        "dump-package",
      ], environment: environment)
    let targets = try JSONDecoder().decode(Manifest.self, from: Data(text.utf8)).targets
    let named = targets.filter { $0.type != "test" && !Self.isC($0.name) }
      .map { ($0, FilePath($0.path ?? "Sources/\($0.name)")) }
      .filter { $0.1.starts(with: "Sources") }
    let names = Set(named.map(\.0.name))
    rooms = Dictionary(
      uniqueKeysWithValues: named.map { target, path in
        let uses = target.dependencies.compactMap { $0["byName"]?.first ?? nil }
        return (target.name, Room(path: path, uses: Set(uses).intersection(names)))
      })
  }

  /// The modules of C are named C and a capital letter.
  private static func isC(_ name: String) -> Bool {
    name.first == "C" && name.dropFirst().first?.isUppercase == true
  }

  @Test func drawnArrowsAreThoseOfThePackage() throws {
    let text = try String(
      contentsOfFile: Checkout.directory.appending("Sources/README.md").string, encoding: .utf8)
    let drawn = text.split(separator: "\n").compactMap { line -> (String, Set<String>)? in
      let sides = line.split(separator: "→").map { $0.split(separator: " ").map(String.init) }
      guard line.hasPrefix("    "), sides.count == 2, let room = sides[0].first else { return nil }
      return (room, Set(sides[1]))
    }
    let package = rooms.filter { !$0.value.uses.isEmpty }.mapValues(\.uses)
    #expect(Dictionary(uniqueKeysWithValues: drawn) == package)
  }

  /// A target can also import what its dependencies depend on, and SwiftPM says nothing.
  @Test func roomsImportWhatThePackageListsForThem() throws {
    for (name, room) in rooms {
      let files = try Self.files(below: Checkout.directory.pushing(room.path)).values.joined()
      let imported = try files.flatMap { file in
        try String(contentsOfFile: file.string, encoding: .utf8).split(separator: "\n")
          .compactMap { try #/^(?:@\w+ |public )?import (?:\w+ )?(\w+)$/#.wholeMatch(in: $0).map { String($0.1) } }
      }
      #expect(Set(imported).intersection(rooms.keys) == room.uses, "\(name)")
    }
  }

  @Test func filesThatItNamesExist() throws {
    let text = try String(contentsOfFile: Checkout.directory.appending("Sources/README.md").string, encoding: .utf8)
    let top = Checkout.directory.appending("Sources").string
    let files = try FileManager.default.subpathsOfDirectory(atPath: top).map { "/\($0)" }
    let named = text.split(separator: "`").filter { $0.hasSuffix(".swift") || $0.hasSuffix(".c") }
    #expect(named.count > 40)
    for name in Set(named) where !name.contains(" ") {
      #expect(files.contains { $0.hasSuffix("/\(name)") }, "\(name)")
    }
  }

  @Test func arrowsGoDown() {
    let shelves = ["ast", "Operations", "Store", "System", "SnapshotTree", "Formats", "Bindings"]
    func floor(_ room: Room) -> Int? {
      room.path.components.dropFirst().first.flatMap { shelves.firstIndex(of: $0.string) }
    }
    for (name, room) in rooms {
      for used in room.uses.compactMap({ rooms[$0] }) {
        #expect(floor(room) ?? .max <= floor(used) ?? -1, "\(name) uses \(used.path)")
      }
    }
  }

  @Test func noRoomIsAHall() throws {
    let lines = try rooms.mapValues { room in
      try Self.files(below: Checkout.directory.pushing(room.path)).values.joined().reduce(0) { sum, file in
        sum + (try String(contentsOfFile: file.string, encoding: .utf8)).count { $0 == "\n" }
      }
    }
    let total = lines.values.reduce(0, +)
    for (name, count) in lines { #expect(count * 5 < total, "\(name) has \(count) of \(total) lines") }
  }

  @Test(arguments: ["Sources", "Tests"]) func noFolderIsCrowded(top: String) throws {
    for (folder, files) in try Self.files(below: Checkout.directory.appending(top)) {
      #expect(files.count <= 25, "\(folder) has \(files.count) files")
    }
  }

  /// The Swift files below a directory, by the folder they are in.
  private static func files(below top: FilePath) throws -> [FilePath: [FilePath]] {
    let names = try FileManager.default.subpathsOfDirectory(atPath: top.string)
    let files = names.filter { $0.hasSuffix(".swift") }.map { top.pushing(FilePath($0)) }
    return Dictionary(grouping: files) { $0.removingLastComponent() }
  }
}
