import DebianFormats
import Testing

@Suite struct DpkgStatusTests {
  @Test func onlyPackagesThatAreThereAreRead() {
    let status = """
      Package: alpha
      Status: install ok installed
      Version: 1.0-1
      Architecture: amd64
      Description: first
       Version: not a field

      Package: gone
      Status: deinstall ok config-files
      Version: 3
      Architecture: all

      Package: half
      Status: install ok half-configured
      Version: 2:0.5
      Architecture: all
      """
    #expect(
      DpkgStatus.packages(in: Array(status.utf8)) == [
        InstalledPackage(name: "alpha", architecture: "amd64", version: "1.0-1", state: "installed"),
        InstalledPackage(name: "half", architecture: "all", version: "2:0.5", state: "half-configured"),
      ])
  }

  @Test(arguments: ["", "\n\n\n", "garbage", "Package:", "Status: install ok installed\n"])
  func whatIsNoPackageIsNone(_ status: String) {
    #expect(DpkgStatus.packages(in: Array(status.utf8)).isEmpty)
  }

  /// A rebuild, a package with the version of its source, and one whose source has another version.
  @Test func versionsOfSourcesAreToldApart() {
    let status = """
      Package: rebuilt
      Source: tool (1.0-1)
      Version: 1.0-1+b2
      Architecture: amd64

      Package: plain
      Source: tool
      Version: 1.0-1
      Architecture: amd64

      Package: other
      Version: 4:12
      Architecture: all
      """
    let versions = DpkgStatus.sourceVersions(in: Array(status.utf8))
    #expect(versions.map(\.name) == ["rebuilt", "plain", "other"])
    #expect(versions.map(\.version) == ["1.0-1", "1.0-1", "4:12"])
  }
}
