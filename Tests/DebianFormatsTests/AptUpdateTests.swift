import DebianFormats
import Testing

@Suite struct AptUpdateTests {
  private func failure(_ source: String, _ reason: String) -> AptUpdate.Failure {
    AptUpdate.Failure(source: source, reason: reason)
  }

  @Test func sourcesThatFailAreNamedWithTheReason() {
    let update = AptUpdate(
      """
      Ign:1 cdrom://[Debian 13 _Trixie_ - DVD 1] trixie InRelease
      Err:2 cdrom://[Debian 13 _Trixie_ - DVD 1] trixie Release
        Please use apt-cdrom to make this CD-ROM recognized by APT.
      Ign:3 file:/srv/my repo ./ InRelease
      Get:4 http://one.example/debian trixie InRelease [140 kB]
      Ign:5 http://two.example/debian trixie InRelease
      Err:5 http://two.example/debian trixie InRelease
        Could not connect to two.example
        Unable to connect to two.example:http:
      Get:6 http://one.example/debian trixie-updates InRelease [43.4 kB]
      Get:7 http://one.example/debian trixie/main amd64 Packages [9679 kB]
      Err:8 http://one.example/debian trixie-updates/main amd64 Packages
        404  Not Found
      Err:8 http://one.example/debian trixie-updates/main amd64 Packages
      Get:9 file:/srv/my repo ./ Packages
      Reading package lists...

      """)
    #expect(update.isPartial)
    #expect(
      update.failures == [
        failure(
          "cdrom://[Debian 13 _Trixie_ - DVD 1] trixie", "Please use apt-cdrom to make this CD-ROM recognized by APT."),
        failure("http://two.example/debian trixie", "Could not connect to two.example"),
        failure("http://one.example/debian trixie-updates", "404  Not Found"),
      ])
  }

  /// The report does not show what is wrong with these.
  @Test func sourcesThatOnlyTheErrorsNameAreFound() {
    let update = AptUpdate(
      """
      Get:1 http://one.example/debian trixie InRelease [140 kB]
      Get:2 http://two.example/flat ./ InRelease [1 kB]
      Hit:3 http://one.example/debian trixie-updates InRelease

      """,
      said: """
        E: The method driver /usr/lib/apt/methods/s3 could not be found.
        E: Release file for http://two.example/flat/./InRelease is expired (invalid since 3d).
        E: Release file for http://one.example/debian/dists/trixie/InRelease is not valid yet.
        E: The method driver

        """)
    #expect(update.isPartial)
    #expect(
      update.failures == [
        failure("s3:", "The method driver /usr/lib/apt/methods/s3 could not be found."),
        failure(
          "http://one.example/debian trixie",
          "Release file for http://one.example/debian/dists/trixie/InRelease is not valid yet."),
        failure(
          "http://two.example/flat ./",
          "Release file for http://two.example/flat/./InRelease is expired (invalid since 3d)."
        ),
      ])
  }

  /// A list that a source need not have, and a file that comes at the second attempt.
  @Test func whatIsIgnoredOrComesLaterIsNoFailure() {
    let update = AptUpdate(
      """
      Err:1 http://one.example/debian trixie InRelease
        Connection timed out
      Hit:1 http://one.example/debian trixie InRelease
      Err:2 file:/srv/repo ./ Translation-en
        File not found - /srv/repo/./en.xz (2: No such file or directory)
      Ign:2 file:/srv/repo ./ Translation-en
      """)
    #expect(update.failures == [] && !update.isPartial)
  }

  @Test func aLineWithoutASourceIsNoFailure() { #expect(AptUpdate("Err:3  InRelease\n  x").failures == []) }

  @Test(arguments: [
    "Err:1 http://one.example/debian trixie InRelease\n",
    "Get:1 http://one.example/debian trixie InRelease [1 kB]\nErr:2 http://one.example/debian trixie/main amd64 Packages",
    "", "E: The list of sources could not be read.\n", "Err:", "  Err:1 x InRelease",
  ])
  func withoutAnotherSourceNothingIsPartial(output: String) {
    #expect(!AptUpdate(output).isPartial)
  }

  /// The apt is a node's own, and can print anything.
  @Test func aLongReportIsReadInOnePass() {
    let count = 20_000
    let lines = (0..<count).map { "Err:\($0) http://one.example/\($0) trixie InRelease\n  gone\n" }
    let update = AptUpdate(lines.joined() + "Hit:1 http://two.example/ trixie InRelease\n")
    #expect(update.failures.count == count && update.isPartial)
    #expect(AptUpdate("Err:1 " + String(repeating: "a/", count: 100_000) + " InRelease\n").failures == [])
  }
}
