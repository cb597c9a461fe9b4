/// Which tests are a part, and what may run beside what.
enum Schedule {
  /// The rooms that have tests: those of Sources/README.md, the tests that cut the power (Tests/CrashStateTests), random
  /// commands under everything that can happen to them (Tests/Campaign), and the machines that are booted (Tests/Boot).
  static let rooms = [
    "ast", "Upkeep", "Live", "Machines", "Packages", "Boot", "Nodes", "Store", "Rootfs", "Host", "SnapshotTree",
    "DebianFormats", "Etc", "Grub", "Settings", "Btrfs", "Sandbox", "SQLite", powerCuts, machines,
    "Campaign", "GroundPlan", "Fuzz",
  ]
  static let powerCuts = "PowerCuts"
  static let machines = "QEMU"

  /// What must be alone, and why. All else may run beside any other part: it works in a store, an archive and with
  /// processes of its own, and looks only at those.
  static let alone =
    [
      // Compares the table of mounts of the whole machine, and expects ends within so many seconds.
      "SandboxTests/InterruptionTests.swift",
      // Looks at the processes of the machine for a bootstrap at work, which may be that of Tests/Boot.
      "AstTests/Machines/BootstrapTests.swift",
      // Looks at the table of mounts for those of all other tests that cut the power.
      "CrashStateTests/PowerCutTests.swift",
    ] + randomKills

  /// Kills after a part of the time that a command usually takes. They run alone, and with the program that is built
  /// for debugging: it takes longer, so more of the kills hit it.
  static let randomKills = [
    "AstTests/Store/RandomKillTests.swift", "AstTests/Packages/PackageRandomKillTests.swift",
  ]

  /// The files of tests that take long, with the seconds they took on a machine of two cores: a part each, or one
  /// together where they share what is costly to make. What else a room has is one part. Only the order depends on
  /// the numbers.
  static let long: [(files: [String], seconds: Int)] = [
    (["AstTests/Store/FailPointTests.swift"], 400),
    (["AstTests/Machines/DebianPackageTests.swift", "AstTests/Packages/RealArchiveTests.swift"], 250),
    (["AstTests/Packages/PackageFailPointTests.swift"], 200),
    (["AstTests/Machines/AdoptFailPointTests.swift"], 110),
    (["GrubMenuTests/GrubMenuTests.swift"], 105),
    (["CampaignTests/CampaignTests.swift"], 100),
    (["CrashStateTests/AdoptPowerCutTests.swift"], 100),
    (["CrashStateTests/AstPowerCutTests.swift"], 100),
    (["CrashStateTests/DedupePowerCutTests.swift"], 100),
    (["CrashStateTests/DeployPowerCutTests.swift"], 100),
    (["CrashStateTests/PackagePowerCutTests.swift"], 100),
    (["AstTests/Packages/Upgrades/TreeUpgradeTests.swift"], 90),
    (["AstTests/Packages/PackageFailureTests.swift"], 80),
    (["AstTests/Upkeep/GcTests.swift"], 70),
    (["AstTests/Packages/Upgrades/UpgradeTests.swift"], 60),
  ]

  /// The parts of these rooms (nil for all of them), the longest first.
  ///
  /// - Throws: ``Refusal`` when a test is in no room: it would never run.
  static func parts(of tests: [Test], rooms chosen: Set<String>?) throws -> [Part] {
    if let stray = tests.first(where: { !rooms.contains($0.room) }) {
      throw Refusal("\(stray.id) is in no room of Tests/Runner/Schedule.swift")
    }
    let names = Set(tests.map(name))
    if let lost = (alone + long.flatMap(\.files)).first(where: { !names.contains($0) }) {
      throw Refusal("\(lost) of Tests/Runner/Schedule.swift has no tests")
    }
    let isChosen = { chosen?.contains($0) ?? true }
    var parts = Dictionary(grouping: tests.filter { isChosen($0.room) }, by: place).map { place, tests in
      Part(
        name: place.part, work: .tests(tests), isAlone: place.isAlone, isDebug: place.isDebug,
        seconds: place.seconds ?? tests.count / 10)
    }
    if isChosen(machines) { parts.append(boots) }
    return parts.sorted { ($0.seconds, $1.name) > ($1.seconds, $0.name) }
  }

  private static let boots = Part(name: "Tests/Boot", work: .boots(), seconds: 360)

  private struct Place: Hashable {
    let part: String
    let isAlone: Bool
    let isDebug: Bool
    let seconds: Int?
  }

  private static func place(of test: Test) -> Place {
    let name = name(of: test)
    let own = long.first { $0.files.contains(name) }
    let isAlone = alone.contains(name)
    let file = (own?.files.first ?? (isAlone ? name : nil)).map { String($0.dropLast(".swift".count)) }
    return Place(part: file ?? test.room, isAlone: isAlone, isDebug: randomKills.contains(name), seconds: own?.seconds)
  }

  private static func name(of test: Test) -> String { "\(test.target)/\(test.file)" }
}
