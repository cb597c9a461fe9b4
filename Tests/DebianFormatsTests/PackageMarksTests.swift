import DebianFormats
import Testing

@Suite struct PackageMarksTests {
  private static let status = """
    Package: alpha
    Status: install ok installed
    Version: 1.0-1
    Architecture: amd64

    Package: alpha
    Status: hold ok installed
    Version: 1.0-1
    Architecture: i386

    Package: beta
    Status: install ok installed
    Architecture: all
    Version: 2

    Package: gone
    Status: hold ok config-files
    Version: 3
    Architecture: all

    Package: half
    Status: install reinstreq half-installed
    Version: 2:0.5
    Architecture: amd64

    Package: never
    Status: install ok not-installed
    Architecture: amd64
    """

  private static let extendedStates = """
    Package: beta
    Architecture: amd64
    Auto-Installed: 1

    Package: alpha
    Architecture: i386
    Auto-Installed: 1

    Package: alpha
    Architecture: amd64
    Auto-Installed: 0

    Package: gone
    Architecture: amd64
    Auto-Installed: 1
    """

  private let marks = PackageMarks(status: Array(status.utf8), extendedStates: Array(extendedStates.utf8))

  private func names(_ packages: some Sequence<PackageMarks.Name>) -> [String] { packages.sorted().map { "\($0)" } }

  @Test func installedIsWhatDpkgIsDoneWith() {
    #expect(names(marks.installed.keys) == ["alpha:amd64", "alpha:i386", "beta:all"])
    #expect(marks.installed[PackageMarks.Name("beta", "all")] == "2")
  }

  @Test func knownIsWhatAnythingIsThereOf() {
    #expect(names(marks.known) == ["alpha:amd64", "alpha:i386", "beta:all", "gone:all", "half:amd64"])
  }

  @Test func heldIsWhatTheAdministratorHolds() { #expect(names(marks.held) == ["alpha:i386", "gone:all"]) }

  @Test func packageForAllArchitecturesIsMarkedWithTheMachines() {
    #expect(names(marks.automatic) == ["alpha:i386", "beta:all"])
    #expect(names(marks.manual) == ["alpha:amd64"])
  }

  @Test(arguments: [("", ""), ("\n\n", "\n"), ("Package: alpha\n", "Auto-Installed: 1\n"), ("Status: \n", "garbage")])
  func whatIsNoPackageIsNone(status: String, states: String) {
    let marks = PackageMarks(status: Array(status.utf8), extendedStates: Array(states.utf8))
    #expect(marks.installed.isEmpty && marks.known.isEmpty && marks.held.isEmpty && marks.automatic.isEmpty)
  }
}
