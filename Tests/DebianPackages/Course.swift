import SystemPackage
import TestSupport

/// All that is done for one pair of releases: packages are installed in one node one after the other, the node is
/// upgraded to the newer release, and they are purged, one after the other. Each failure is repeated in a plain Debian.
struct Course {
  /// A node and the packages it gets.
  struct Track {
    let name: String
    /// Its number: that of a copy of node 1, see ``Workplace``.
    let id: Int
    var packages: [DifficultPackage]
  }

  static let tracks = [
    Track(name: "crowd", id: 2, packages: DifficultPackage.crowd),
    Track(name: "alternatives", id: 3, packages: DifficultPackage.alternatives),
  ]
  private static let samples = "samples"

  private let releases: Releases
  private let place: Workplace
  private var ledger: Ledger
  private let available: Set<String>
  private let tracks: [Track]
  /// How often a release upgrade is tried anew without a package that fails.
  private static let upgrades = 6

  /// - Parameter chosen: the names of packages that are taken through it; all if it is empty.
  init(_ releases: Releases, at directory: FilePath, only chosen: Set<String>) throws {
    tracks = Self.tracks.map { track in
      var track = track
      track.packages.removeAll { !chosen.isEmpty && !chosen.contains($0.name) }
      return track
    }
    self.releases = releases
    place = Workplace(at: directory)
    try place.open(releases)
    ledger = Ledger(at: place.ledger)
    let names = (DifficultPackage.crowd + DifficultPackage.alternatives).flatMap(\.names)
    available = try place.plain.available(Array(Set(names)).sorted())
  }

  /// Does what has not been done yet, and prints the table.
  ///
  /// - Returns: whether ast is to blame for nothing.
  mutating func run() throws -> Bool {
    for track in tracks where !track.packages.isEmpty { try follow(track) }
    for package in tracks.flatMap(\.packages) where package.isSample { try compareFiles(package) }
    try place.close()
    printTable()
    return ledger.entries.allSatisfy { !$0.isFault }
  }

  private mutating func follow(_ track: Track) throws {
    let node = AstNode(place.store, track.id)
    for package in track.packages { try install(package, in: node, track) }
    try upgrade(node, track)
    for package in track.packages.reversed() { try purge(package, from: node, track) }
  }

  // MARK: The steps

  private mutating func install(_ package: DifficultPackage, in node: AstNode, _ track: Track) throws {
    guard ledger.entry(track.name, package.name, .install) == nil else { return }
    guard available.contains(package.name) else { return try add(track, package.name, .install, .none) }
    let names = package.names.filter(available.contains)
    try attempt(.install(names), of: package.name, step: .install, in: node, track, others: try present(node, track))
  }

  private mutating func purge(_ package: DifficultPackage, from node: AstNode, _ track: Track) throws {
    guard ledger.entry(track.name, package.name, .purge) == nil else { return }
    let isInstalled = ledger.entry(track.name, package.name, .install)?.result == .ok
    guard isInstalled else { return try add(track, package.name, .purge, .none) }
    let known = try node.versions(withRemains: true)
    let names = package.names.filter { known[$0] != nil }
    // A run that was ended has purged it, or it went with another one.
    guard !names.isEmpty else { return try add(track, package.name, .purge, .ok) }
    try attempt(.purge(names), of: package.name, step: .purge, in: node, track, others: try present(node, track))
  }

  /// Upgrades the node to the newer release. A package that fails is purged in the older one, and the rest goes on.
  private mutating func upgrade(_ node: AstNode, _ track: Track) throws {
    guard ledger.entry(track.name, Self.whole, .upgrade) == nil else { return }
    try node.shell(Self.change(of: releases))
    for _ in 1...Self.upgrades {
      let before = try node.versions()
      let start = ContinuousClock.now
      let end = try node.change(.upgrade)
      let seconds = Self.seconds(since: start)
      if end.isGood {
        try enterUpgrade(of: node, track, from: before, seconds: seconds)
        return try add(track, Self.whole, .upgrade, .ok, seconds, findings: node.problems(), notes: end.walls)
      }
      guard let culprit = end.reason.firstMatch(of: #/node [0-9]+: (\S+) failed: /#).map({ String($0.1) }) else {
        return try add(track, Self.whole, .upgrade, .failsHere, seconds, reason: end.reason)
      }
      let names = track.packages.first { $0.name == culprit }?.names ?? [culprit]
      let verdict = try judge(.upgrade, names, .upgrade, others: present(node, track))
      try add(
        track, culprit, .upgrade, verdict.result, seconds, reason: end.reason, findings: node.problems(),
        notes: verdict.notes)
      try node.change(.purge([culprit])).expectSuccess()
    }
    try add(track, Self.whole, .upgrade, .failsHere, reason: "given up after \(Self.upgrades) attempts")
  }

  /// Enters what the upgrade of the whole node did to each package.
  private mutating func enterUpgrade(
    of node: AstNode, _ track: Track, from before: [String: String], seconds: Int
  ) throws {
    let after = try node.versions()
    for package in track.packages where ledger.entry(track.name, package.name, .upgrade) == nil {
      guard let old = before[package.name] else {
        try add(track, package.name, .upgrade, .none)
        continue
      }
      let new = after[package.name]
      let note = new == nil ? "the upgrade removes it" : new == old ? "it stays as it is" : nil
      try add(
        track, package.name, .upgrade, new == nil ? .none : .ok, versions: [old, new].compactMap(\.self),
        notes: note.map { [$0] } ?? [])
    }
  }

  /// Installs and purges a package in a new node and in a plain Debian of the older release, and compares the files.
  private mutating func compareFiles(_ package: DifficultPackage) throws {
    let track = Track(name: Self.samples, id: 1, packages: [])
    guard ledger.entry(track.name, package.name, .files) == nil else { return }
    guard available.contains(package.name) else { return try add(track, package.name, .files, .none) }
    let names = package.names.filter(available.contains)
    let start = ContinuousClock.now
    let node = try AstNode(place.store, 1).clone()
    let plain = try newCopy()
    let before = (node: try FileList(of: node.content()), plain: try FileList(of: plain.path))
    var notes: [String] = []
    for (word, change) in [("installed", PackageChange.install(names)), ("purged", .purge(names))] {
      let (here, there) = (try node.change(change), try plain.change(change))
      guard here.isGood, there.isGood else {
        let notes = notes + (there.isGood ? [] : ["\(word), in a plain chroot: \(there.reason)"])
        let result: Entry.Result = here.isGood ? .ok : there.isGood ? .failsHere : .failsAnywhere
        try add(
          track, package.name, .files, result, Self.seconds(since: start),
          reason: here.isGood ? nil : "\(word): \(here.reason)", findings: node.problems(), notes: notes)
        return try node.delete()
      }
      let now = (node: try FileList(of: node.content()), plain: try FileList(of: plain.path))
      notes += FileList.differences(now: now, before: before).map { "\(word): \($0)" }
      notes += here.complaints.subtracting(there.complaints).sorted().map { "\(word): said only in the node: \($0)" }
    }
    try add(track, package.name, .files, .ok, Self.seconds(since: start), findings: node.problems(), notes: notes)
    try plain.delete()
    try node.delete()
  }

  /// Changes packages in a node and enters the result.
  private mutating func attempt(
    _ change: PackageChange, of package: String, step: Entry.Step, in node: AstNode, _ track: Track, others: [String]
  ) throws {
    let start = ContinuousClock.now
    let end = try node.change(change)
    let seconds = Self.seconds(since: start)
    let verdict = end.isGood ? (result: .ok, notes: end.walls) : try judge(change, [], step, others: others)
    let version = try node.versions()[package]
    try add(
      track, package, step, verdict.result, seconds, versions: version.map { [$0] } ?? [],
      reason: end.isGood ? nil : end.reason, findings: node.problems(), notes: verdict.notes)
  }

  // MARK: Whose fault it is

  /// Whether a change that has failed in a node fails in a plain Debian as well: alone, or with the other packages.
  ///
  /// - Parameter names: what has to be there for it.
  private func judge(
    _ change: PackageChange, _ names: [String], _ step: Entry.Step, others: [String]
  ) throws -> (result: Entry.Result, notes: [String]) {
    var notes: [String] = []
    for company in [names, others] {
      let plain = try newCopy()
      defer { try? plain.delete() }
      var changes: [PackageChange] = [change]
      let needed = if case .purge(let purged) = change { purged } else { [String]() }
      let first = company + needed.filter { !company.contains($0) }
      if step == .purge { changes.insert(.upgrade, at: 0) }
      if !first.isEmpty { changes.insert(.install(first), at: 0) }
      for (number, change) in changes.enumerated() {
        if case .upgrade = change { try plain.shell(Self.change(of: releases) + "; apt-get -qq update") }
        let end = try plain.change(change)
        guard !end.isGood else { continue }
        let isLast = number == changes.count - 1
        notes.append("in a plain chroot\(isLast ? "" : ", before it"): \(end.reason)")
        if isLast { return (.failsAnywhere, notes) }
        break
      }
    }
    return (.failsHere, notes)
  }

  private func newCopy() throws -> PlainRoot {
    try? PlainRoot(path: place.copy).delete()
    return try place.plain.copy(at: place.copy)
  }

  /// The packages of a track that a node has.
  private func present(_ node: AstNode, _ track: Track) throws -> [String] {
    let versions = try node.versions()
    return track.packages.flatMap(\.names).filter { versions[$0] != nil }
  }

  private static func change(of releases: Releases) -> String {
    "sed -i 's/\(releases.old)/\(releases.new)/g' /etc/apt/sources.list"
  }

  // MARK: The results

  /// The name under which the upgrade of a whole node is entered.
  private static let whole = "(all)"

  private mutating func add(
    _ track: Track, _ package: String, _ step: Entry.Step, _ result: Entry.Result, _ seconds: Int = 0,
    versions: [String] = [], reason: String? = nil, findings: [String] = [], notes: [String] = []
  ) throws {
    try ledger.add(
      Entry(
        track: track.name, package: package, step: step, result: result, seconds: seconds, versions: versions,
        reason: reason, findings: findings, notes: notes))
  }

  private static func seconds(since start: ContinuousClock.Instant) -> Int {
    Int((ContinuousClock.now - start).components.seconds)
  }

  private func printTable() {
    say("\n\(releases.old) → \(releases.new)")
    for track in tracks where !track.packages.isEmpty {
      let rows = (track.packages.map(\.name) + [Self.whole]).map { name in
        let steps = [Entry.Step.install, .upgrade, .purge].map { ledger.entry(track.name, name, $0) }
        return [name] + steps.map { $0?.text ?? "-" } + ["\(steps.reduce(0) { $0 + ($1?.seconds ?? 0) }) s"]
      }
      Self.print([["Package (\(track.name))", "Install", "Upgrade", "Purge", "Time"]] + rows)
    }
    let files = ledger.entries.filter { $0.step == .files }.map { [$0.package, $0.text, "\($0.notes.count)"] }
    Self.print([["Files", "Result", "Differences"]] + files)
    for entry in ledger.entries where entry.isFault {
      say("\n\(entry.track), \(entry.package), \(entry.step.rawValue): \(entry.text)\(entry.details.joined())")
    }
  }

  /// Prints rows in columns.
  private static func print(_ rows: [[String]]) {
    let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    say("")
    for row in rows {
      say(
        zip(row, widths).map { text, width in text + String(repeating: " ", count: width - text.count) }.joined(
          separator: "  "))
    }
  }
}
