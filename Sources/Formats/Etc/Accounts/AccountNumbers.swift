/// The users or the groups of one root with their numbers, compared with a registry of names and numbers.
///
/// Several names can share a number (`toor` and root). One of them stands for it; the others move with it and are not
/// registered, because a number has only one name there.
public struct AccountNumbers: Sendable {
  /// Each number once, in the order of the file, with the names that share it.
  private let shared: [(number: UInt32, names: [String])]

  /// The numbers in these entries. If a name occurs twice, the first line is the account (getpwnam(3)); the number on
  /// the other line has no name.
  public init(_ entries: [some AccountEntry]) {
    var names: Set<String> = []
    var places: [UInt32: Int] = [:]
    var shared: [(number: UInt32, names: [String])] = []
    for entry in entries {
      let place = places[entry.id] ?? shared.count
      if place == shared.count { shared.append((entry.id, [])) }
      places[entry.id] = place
      if names.insert(entry.name).inserted { shared[place].names.append(entry.name) }
    }
    self.shared = shared
  }

  /// The accounts to be registered, each with its present number: first the accounts whose number is free, so that no
  /// account that gets another number takes it from them.
  public func claims(in registry: [String: UInt32]) -> [(name: String, id: UInt32)] {
    let taken = Set(registry.values)
    let missing = owners(registry).filter { registry[$0.name] == nil && Self.canBeRegistered($0.id) }
    return missing.filter { !taken.contains($0.id) }
      + missing.filter { taken.contains($0.id) && !Self.isFixed($0.id) }
  }

  /// The renumbering that gives all registered accounts their registered numbers.
  public func renumbering(by registry: [String: UInt32]) -> Renumbering {
    let wanted: [Renumbering.Move] = owners(registry).compactMap { owner in
      guard let number = registry[owner.name], number != owner.id, !Self.isFixed(owner.id) else { return nil }
      return Renumbering.Move(name: owner.name, from: owner.id, to: number)
    }
    let toNumber = Dictionary(grouping: wanted, by: \.new)
    // A number that cannot move blocks others, too. In a hostile node each may wait for the next one, so every number is
    // looked at once.
    let moving = Set(wanted.map(\.old))
    var staying = shared.map(\.number).filter { !moving.contains($0) }
    var conflicts: [Renumbering.Move] = []
    while let number = staying.popLast() {
      let blocked = toNumber[number] ?? []
      conflicts += blocked
      staying += blocked.map(\.old)
    }
    let blocked = Set(conflicts.map(\.old))
    return Renumbering(moves: wanted.filter { !blocked.contains($0.old) }, conflicts: conflicts)
  }

  /// The name that stands for each number: one registered with it, or else any registered one, or else the first.
  private func owners(_ registry: [String: UInt32]) -> [(name: String, id: UInt32)] {
    shared.compactMap { number, names in
      let owner =
        names.first { registry[$0] == number } ?? names.first { registry[$0] != nil } ?? names.first
      return owner.map { ($0, number) }
    }
  }

  /// Debian policy 9.2.2: 0–99 mean the same on every Debian; 65534 is nobody; 65535 and the highest number mean none.
  private static func isFixed(_ id: UInt32) -> Bool { id < 100 || id == 65534 || !canBeRegistered(id) }

  private static func canBeRegistered(_ id: UInt32) -> Bool { id != 65535 && id != .max }
}
