import DebianFormats
import Testing

@Suite struct DeclinedPackagesTests {
  /// Marks with these packages installed, as `name:architecture`; those with a `*` came by themselves.
  private static func marks(_ words: String) -> PackageMarks {
    let packages = words.split(separator: " ").map { word -> (name: String, automatic: Bool) in
      (word.split(separator: "*").joined(), word.hasSuffix("*"))
    }
    let status = packages.map { package, _ -> String in
      let parts = package.split(separator: ":")
      return "Package: \(parts[0])\nStatus: install ok installed\nArchitecture: \(parts[1])\nVersion: 1\n"
    }
    let states = packages.filter(\.automatic).map { package, _ -> String in
      let parts = package.split(separator: ":")
      return "Package: \(parts[0])\nArchitecture: \(parts[1] == "all" ? "amd64" : parts[1])\nAuto-Installed: 1\n"
    }
    return PackageMarks(
      status: Array(status.joined(separator: "\n").utf8),
      extendedStates: Array(states.joined(separator: "\n").utf8))
  }

  @Test(arguments: [
    // A removed package counts as declined if the user had asked for it, not if it was automatic.
    ("", "a:all b:all", "b:all", "a:all 7\n"),
    ("", "a:all* b:amd64", "", "b:amd64 7\n"),
    ("", "a:amd64 a:i386", "a:amd64", "a:i386 7\n"),
    // A package that is installed again is no longer declined, for whichever node it was.
    ("a:all 7\n", "", "a:all", ""),
    ("a:all 3\n", "", "a:all*", ""),
    ("a:all 3\nb:all 3\n", "a:all", "", "a:all 7\nb:all 3\n"),
    // A package that only changes its architecture stays.
    ("", "a:all", "a:amd64", ""),
    ("", "a:amd64", "a:all", ""),
    ("a:all 7\n", "", "a:amd64", ""),
    ("", "", "", ""),
  ])
  func changesAreNoted(known: String, before: String, after: String, text: String) {
    var declined = DeclinedPackages(known)
    declined.note(from: Self.marks(before), to: Self.marks(after), in: 7)
    #expect(declined.text == text)
  }

  @Test func onlyTheNodesOwnOnesCount() {
    let declined = DeclinedPackages("a:all 7\nb:amd64 3\nc:i386 7\n")
    #expect(declined.packages(in: 7).sorted().map { "\($0)" } == ["a:all", "c:i386"])
    #expect(declined.packages(in: 3).map { "\($0)" } == ["b:amd64"])
    #expect(declined.packages(in: 1).isEmpty)
  }

  @Test(arguments: ["garbage", "a:all", "a 7", "a:all seven", "a:all 7 8", ":all 7", "a: 7", "\n\n", "a:b:c 7"])
  func linesThatAreNoneArePassedOver(line: String) {
    #expect(DeclinedPackages("\(line)\nb:all 2\n").text == "b:all 2\n")
  }
}
