import DebianFormats
import Testing

@testable import Live

@Suite("Packages of a node that its running system can get")
struct LivePackagesTests {
  private static let installed = [
    InstalledPackage(name: "library", architecture: "amd64", version: "1", state: "installed"),
    InstalledPackage(name: "manual", architecture: "all", version: "3", state: "installed"),
    InstalledPackage(name: "gone", architecture: "amd64", version: "1", state: "config-files"),
  ]

  private static func step(_ name: String, _ kind: PackageStep.Kind, from: String? = nil, to: String?) -> PackageStep {
    PackageStep(name: name, architecture: "amd64", kind: kind, from: from, to: to, isAutomatic: false)
  }

  private static let node = LivePackages(
    [step("tool", .install, to: "2"), step("library", .upgrade, from: "1", to: "1.1")], after: installed,
    requested: ["tool", "manual", "gone"])

  @Test func requestedPackagesComeInTheVersionsOfTheNode() {
    #expect(Self.node.words == ["manual=3", "tool:amd64=2", "library:amd64=1.1"])
  }

  @Test func packagesOfTheNodeCanBeInstalled() {
    let steps = [("tool", "2"), ("library", "1.1"), ("manual", "3")].map { Self.step($0.0, .install, to: $0.1) }
    #expect(Self.node.obstacle(to: steps) == nil)
    #expect(Self.node.obstacle(to: []) == nil)
  }

  @Test(arguments: [
    (step("library", .upgrade, from: "1", to: "1.1"), "another library (version 1.1 instead of 1)"),
    (step("other", .remove, from: "1", to: nil), "another other (removed)"),
    (step("tool", .reinstall, from: "2", to: "2"), "another tool (version 2 instead of 2)"),
  ])
  func installedPackagesAreNotReplaced(step: PackageStep, words: String) {
    #expect(Self.node.obstacle(to: [step]) == "the running system would need \(words)")
  }

  @Test(arguments: [("library", "1"), ("manual", "4"), ("gone", "1"), ("stranger", "1")])
  func packagesThatTheNodeDoesNotHaveAreRefused(name: String, version: String) {
    #expect(
      Self.node.obstacle(to: [Self.step(name, .install, to: version)])
        == "the running system would get \(name) \(version), which is not in its node in this version")
  }
}
