/// An account file as three trees have it, by account. Of several lines with the same name, only the first is an
/// account (getpwnam(3)); only ``SubordinateEntry`` uses all of them.
struct LineMerge<Entry: AccountLine> {
  private let files: ThreeWay<AccountFile<Entry>?>
  private let entries: ThreeWay<[String: [Entry]]>

  init(_ pristine: AccountFile<Entry>?, _ live: AccountFile<Entry>?, _ new: AccountFile<Entry>?) {
    files = ThreeWay(pristine, live, new)
    entries = ThreeWay(Self.byName(pristine), Self.byName(live), Self.byName(new))
  }

  /// An account's first line.
  func versions(_ name: String) -> ThreeWay<Entry?> {
    ThreeWay(entries.pristine[name]?.first, entries.live[name]?.first, entries.new[name]?.first)
  }

  /// All lines of an account.
  func lines(_ name: String) -> ThreeWay<[Entry]> {
    ThreeWay(entries.pristine[name] ?? [], entries.live[name] ?? [], entries.new[name] ?? [])
  }

  /// The names in any of the three, in the order of the merged file.
  var names: [String] {
    var seen: Set<String> = []
    let all = [files.new, files.live, files.pristine].flatMap { $0?.entries ?? [] }
    return all.map(\.name).filter { seen.insert($0).inserted }
  }

  /// The file with these entries: first the new generation's in their order, then entries that are only live. Lines
  /// that are not entries are kept, unless one side removed them. NIS lines come last: lines after them are found only
  /// after a query over the network.
  ///
  /// Nil when neither the live system nor the new generation has the file.
  func file(of merged: (String) -> [Entry]) -> AccountFile<Entry>? {
    guard files.live != nil || files.new != nil else { return nil }
    let sides = ThreeWay(files.pristine?.lines ?? [], files.live?.lines ?? [], files.new?.lines ?? [])
    let dropped = Set(sides.pristine).subtracting(sides.live)
    let known = Set(sides.pristine).union(sides.new)
    var placed: Set<String> = []
    var result: [[UInt8]] = []
    var network: [[UInt8]] = []
    func place(_ lines: [[UInt8]], unless unwanted: Set<[UInt8]>) {
      for line in lines where !line.isEmpty {
        if let entry = Entry(line) {
          if placed.insert(entry.name).inserted { result += merged(entry.name).map(\.line) }
        } else if !unwanted.contains(line) {
          if line.first == UInt8(ascii: "+") || line.first == UInt8(ascii: "-") {
            network.append(line)
          } else {
            result.append(line)
          }
        }
      }
    }
    place(sides.new, unless: dropped)
    place(sides.live, unless: known)
    return AccountFile(lines: result + network)
  }

  private static func byName(_ file: AccountFile<Entry>?) -> [String: [Entry]] {
    Dictionary(grouping: file?.entries ?? [], by: \.name)
  }
}
