import SnapshotTree
import Testing

@Suite struct AccountTests {
  private func claim(_ tree: TreeDatabase, _ name: String, _ id: UInt32, _ kind: Account.Kind = .user) throws -> UInt32
  {
    try tree.write { try $0.claim(kind, name, preferring: id) }.id
  }

  @Test func whoIsRegisteredKeepsTheNumber() throws {
    try withTree { (tree) throws in
      #expect(try claim(tree, "www-data", 33) == 33)
      #expect(try claim(tree, "www-data", 133) == 33)
      #expect(try claim(tree, "www-data", 44, .group) == 44)
      #expect(try tree.account(.user, "www-data") == Account(kind: .user, name: "www-data", id: 33))
      #expect(try tree.account(.user, "nobody") == nil)
      #expect(
        try tree.accounts() == [
          Account(kind: .group, name: "www-data", id: 44), Account(kind: .user, name: "www-data", id: 33),
        ])
    }
  }

  /// All want the same number: each gets the next one, and none is looked for from the beginning.
  @Test func manyAtOnceTakeNoLongerEach() throws {
    try withTree { (tree) throws in
      let wanted = (0..<50_000).map { Account(kind: .user, name: "a\($0)", id: 1000) }
      let claimed = try tree.write { try $0.claim(wanted + wanted) }
      #expect(claimed.map(\.id) == (Array(1000..<51_000) + Array(1000..<51_000)).map(UInt32.init))
      #expect(try tree.accounts().count == 50_000)
    }
  }

  @Test(
    arguments: [
      (33, 34), (99, 0), (100, 101), (999, 100), (1000, 1001), (59_999, 1000), (60_000, 60_001), (65_533, 60_000),
      (65_536, 65_537), (4_294_967_294, 65_536),
    ] as [(UInt32, UInt32)])
  func aTakenNumberGivesTheNextOfItsRange(_ preferred: UInt32, _ given: UInt32) throws {
    try withTree { (tree) throws in
      #expect(try claim(tree, "first", preferred) == preferred)
      #expect(try claim(tree, "second", preferred) == given)
      #expect(try claim(tree, "second", preferred, .group) == preferred)
    }
  }

  @Test func takenNumbersAreSkipped() throws {
    try withTree { tree in
      for id: UInt32 in 998...999 { _ = try claim(tree, "u\(id)", id) }
      for id: UInt32 in 100...102 { _ = try claim(tree, "u\(id)", id) }
      #expect(try claim(tree, "next", 998) == 103)
    }
  }

  @Test func aFullRangeIsAnError() throws {
    try withTree { tree in
      for id: UInt32 in 0...99 { _ = try claim(tree, "u\(id)", id) }
      expectError(.noFreeAccountID(.user, name: "late")) { try claim(tree, "late", 50) }
      #expect(try claim(tree, "nobody", 65_534) == 65_534)
      expectError(.noFreeAccountID(.user, name: "late")) { try claim(tree, "late", 65_534) }
    }
  }
}
