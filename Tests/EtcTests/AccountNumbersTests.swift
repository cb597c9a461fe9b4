import Etc
import Testing

/// A root's accounts and a registry, as `name:number` words, and the expected renumbering.
struct NumbersCase: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let root: String
  let registry: String
  var claims = ""
  /// `name:old>new`.
  var moves = ""
  var conflicts = ""
}

@Suite struct AccountNumbersTests {
  static let cases = [
    NumbersCase(testDescription: "all known", root: "root:0 a:100", registry: "root:0 a:100 b:101"),
    NumbersCase(
      testDescription: "all new", root: "root:0 a:100 nobody:65534", registry: "",
      claims: "root:0 a:100 nobody:65534"),
    NumbersCase(testDescription: "other number", root: "a:100 b:101", registry: "a:100 b:102", moves: "b:101>102"),
    NumbersCase(testDescription: "swapped", root: "a:100 b:101", registry: "a:101 b:100", moves: "a:100>101 b:101>100"),
    NumbersCase(
      testDescription: "in a circle", root: "a:100 b:101 c:102", registry: "a:101 b:102 c:100",
      moves: "a:100>101 b:101>102 c:102>100"),
    NumbersCase(
      testDescription: "a free number is claimed before a taken one", root: "a:100 b:101", registry: "z:100",
      claims: "b:101 a:100"),
    NumbersCase(testDescription: "toor", root: "root:0 toor:0", registry: "root:0"),
    NumbersCase(testDescription: "toor first", root: "toor:0 root:0", registry: "root:0"),
    NumbersCase(testDescription: "shared and new", root: "a:100 b:100", registry: "", claims: "a:100"),
    NumbersCase(
      testDescription: "who shares a number goes along", root: "a:100 b:100", registry: "a:105", moves: "a:100>105"),
    NumbersCase(
      testDescription: "a registered name stands for a shared number", root: "new:100 a:100",
      registry: "a:105", moves: "a:100>105"),
    NumbersCase(
      testDescription: "the name with the right number stands for it", root: "b:100 a:100",
      registry: "b:105 a:100"),
    NumbersCase(testDescription: "base numbers stay", root: "games:60 mine:61", registry: "games:5 man:61"),
    NumbersCase(
      testDescription: "back to a base number", root: "games:600", registry: "games:60", moves: "games:600>60"),
    NumbersCase(testDescription: "nobody stays", root: "nobody:65534", registry: "nobody:99"),
    NumbersCase(testDescription: "no numbers", root: "a:65535 b:4294967295", registry: "b:100"),
    NumbersCase(
      testDescription: "a number that stays is in the way", root: "x:60 games:600 c:601",
      registry: "games:60 c:600 x:9",
      conflicts: "games:600>60 c:601>600"),
    NumbersCase(
      testDescription: "the second line of a name is in the way", root: "a:100 a:101 b:102",
      registry: "a:100 b:101", conflicts: "b:102>101"),
  ]

  @Test(arguments: cases)
  func accountsGetTheNumbersOfTheRegistry(_ one: NumbersCase) {
    let numbers = AccountNumbers(entries(one.root))
    let registry = Dictionary(uniqueKeysWithValues: entries(one.registry).map { ($0.name, $0.id) })
    #expect(numbers.claims(in: registry).map { "\($0.name):\($0.id)" }.joined(separator: " ") == one.claims)
    let renumbering = numbers.renumbering(by: registry)
    #expect(words(renumbering.moves) == one.moves)
    #expect(words(renumbering.conflicts) == one.conflicts)
    #expect(renumbering.numbers.count == renumbering.moves.count)
  }

  /// Each account waits for the number of the next one, and the last cannot have its number.
  @Test func aLongChainTakesNoLongerPerAccount() {
    let count: UInt32 = 50_000
    let root =
      (0..<count).map { GroupEntry(Array("a\($0):x:\(1000 + $0):".utf8)) }.compactMap(\.self)
      + [GroupEntry(Array("x:x:\(1000 + count):".utf8))].compactMap(\.self)
    let registry = Dictionary(uniqueKeysWithValues: (0..<count).map { ("a\($0)", 1001 + $0) })
    let renumbering = AccountNumbers(root).renumbering(by: registry)
    #expect(renumbering.moves.isEmpty)
    #expect(renumbering.conflicts.count == Int(count))
  }

  private func entries(_ words: String) -> [GroupEntry] {
    words.split(separator: " ").compactMap { word in
      GroupEntry(Array(word.replacing(":", with: ":x:").utf8))
    }
  }

  private func words(_ moves: [Renumbering.Move]) -> String {
    moves.map { "\($0.name):\($0.old)>\($0.new)" }.joined(separator: " ")
  }
}
