/// The names that a file has defined so far: TOML forbids to define one twice.
final class TOMLNames {
  private enum Origin {
    /// By a heading below it: `[a.b]` for `a`. One heading of its own may follow.
    case implied
    /// By its heading.
    case heading
    /// By an array of tables.
    case array
    /// By a key with several names: `a.b = 1` for `a`.
    case key
    /// By a value: complete.
    case value
  }

  private var origin: Origin
  private var inner: [String: TOMLNames] = [:]

  /// The names of a file or of an inline table.
  init() { origin = .heading }

  private init(_ origin: Origin) { self.origin = origin }

  /// Defines the table of a heading.
  ///
  /// - Parameter isElement: whether the heading begins an element of an array: `[[a]]`.
  /// - Returns: the table; nil if it cannot be defined there.
  func table(_ path: [String], isElement: Bool) -> TOMLNames? {
    guard let name = path.first else { return self }
    guard path.count == 1 else {
      let table = inner[name] ?? add(name, .implied)
      return table.origin == .value ? nil : table.table(Array(path.dropFirst()), isElement: isElement)
    }
    guard let present = inner[name] else { return add(name, isElement ? .array : .heading) }
    switch (present.origin, isElement) {
    case (.array, true):
      // A new element, which has its own names.
      present.inner = [:]
    case (.implied, false): present.origin = .heading
    default: return nil
    }
    return present
  }

  /// Defines a key; false if it is there already.
  func define(_ entry: TOMLEntry) -> Bool { define(entry.path[...]) }

  private func define(_ path: ArraySlice<String>) -> Bool {
    guard let name = path.first else { return false }
    guard path.count > 1 else {
      guard inner[name] == nil else { return false }
      _ = add(name, .value)
      return true
    }
    let table = inner[name] ?? add(name, .key)
    return table.origin == .key && table.define(path.dropFirst())
  }

  private func add(_ name: String, _ origin: Origin) -> TOMLNames {
    let names = TOMLNames(origin)
    inner[name] = names
    return names
  }
}
