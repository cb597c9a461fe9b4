import Etc
import Testing

@Suite struct AccessControlListTests {
  /// The list with these entries: kind, permissions, id.
  private func list(_ entries: [(UInt8, UInt8, UInt32)], version: UInt8 = 2) -> [UInt8] {
    entries.reduce([version, 0, 0, 0]) { list, entry in
      list + [entry.0, 0, entry.1, 0] + (0..<4).map { UInt8(truncatingIfNeeded: entry.2 >> (8 * UInt32($0))) }
    }
  }

  private func renumbered(_ list: [UInt8]) -> [UInt8]? {
    AccessControlList.renumbered(list, users: [100: 101, 101: 100, 7: 0x0102_0304], groups: [100: 300])
  }

  @Test func usersAndGroupsThatAreNamedGetTheirNewNumbers() {
    let old = list([
      (1, 7, .max), (2, 7, 100), (2, 5, 101), (2, 1, 7), (2, 1, 8), (4, 5, .max), (8, 5, 100), (8, 5, 101),
      (16, 7, .max), (32, 0, .max),
    ])
    let new = list([
      (1, 7, .max), (2, 7, 101), (2, 5, 100), (2, 1, 0x0102_0304), (2, 1, 8), (4, 5, .max), (8, 5, 300), (8, 5, 101),
      (16, 7, .max), (32, 0, .max),
    ])
    #expect(renumbered(old) == new)
  }

  @Test func whatNamesNobodyWhoMovesIsLeftAlone() {
    let cases = [
      [], [2], list([]), list([(1, 7, 100), (4, 7, 100), (32, 7, 100)]), list([(2, 7, 5), (8, 7, 7)]),
      list([(2, 7, 100)], version: 3), Array(list([(2, 7, 100)]).dropLast()),
    ]
    for list in cases { #expect(renumbered(list) == nil) }
  }
}
