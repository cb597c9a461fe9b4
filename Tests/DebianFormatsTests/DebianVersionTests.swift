import DebianFormats
import Testing

@Suite struct DebianVersionTests {
  /// Each is older than the one after it; `dpkg --compare-versions` agrees.
  static let ascending = [
    "0", "0.1~~", "0.1~", "0.1", "0.1+b1", "0.1.1", "0.9", "0.10", "1~rc1-1", "1.0~beta1~svn1245-1", "1.0~beta1-1",
    "1.0-1",
    "1.0-1+b1", "1.0-1.1", "1.0-2", "1.0-10", "1.0a-1", "1.0+dfsg-1", "1.0.0-1", "1.0.99999999999999999999-1",
    "1.0.100000000000000000000-1", "1:0.1", "2:0",
  ]

  @Test func theOrderIsThatOfDpkg() {
    for (index, older) in Self.ascending.enumerated() {
      for newer in Self.ascending[(index + 1)...] {
        #expect(DebianVersion(older) < DebianVersion(newer), "\(older) < \(newer)")
        #expect(!(DebianVersion(newer) < DebianVersion(older)), "\(newer) < \(older)")
      }
    }
  }

  /// dpkg does not read a version whose epoch is not a number from 0. Here it has none.
  @Test(arguments: ["-9223372036854775808", "-1", "18446744073709551616", "x", ""])
  func anEpochThatIsNoneIsZero(epoch: String) {
    #expect(DebianVersion("\(epoch):2") == DebianVersion("2"))
    #expect(DebianVersion("\(epoch):2") < DebianVersion("1:1"))
    #expect(DebianVersion("\(epoch):1") < DebianVersion("\(epoch):2"))
  }

  @Test(arguments: [("1.0", "0:1.0-0"), ("1.00", "1.0"), ("1.0-0", "1.0"), ("1.0-001", "1.0-1")])
  func theSameVersionCanBeWrittenDifferently(_ left: String, _ right: String) {
    #expect(DebianVersion(left) == DebianVersion(right))
    #expect(DebianVersion(left).hashValue == DebianVersion(right).hashValue)
  }
}
