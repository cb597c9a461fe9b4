import DebianFormats
import Testing

@Suite struct AptHookTests {
  /// A message as apt sends it: one line.
  private static func message(_ method: String, unknown: String = "", packages: String = "") -> String {
    """
    {"jsonrpc":"2.0","method":"org.debian.apt.hooks.install.\(method)","params":{"command":"install","search-terms":\
    ["a"],"unknown-packages":[\(unknown)],"packages":[\(packages)]}}
    """ + "\n\n"
  }

  private static let hello =
    #"{"jsonrpc":"2.0","method":"org.debian.apt.hooks.hello","id":0,"params":{"versions":["0.1","0.2"]}}"# + "\n\n"

  private static func package(_ name: String, _ mode: String, automatic: Bool = false, versions: String) -> String {
    """
    {"id":1,"name":"\(name)","architecture":"amd64","mode":"\(mode)","automatic":\(automatic),"versions":{\(versions)}}
    """
  }

  private static func version(_ key: String, _ version: String) -> String {
    #""\#(key)":{"id":7,"version":"\#(version)","architecture":"amd64","pin":500,"origins":[]}"#
  }

  @Test(arguments: [
    ("install", "1.0", "", PackageStep.Kind.install, String?.none, String?.some("1.0")),
    ("upgrade", "2.0", "1.0", .upgrade, "1.0", "2.0"), ("downgrade", "1.0", "2.0", .downgrade, "2.0", "1.0"),
    ("reinstall", "1.0", "1.0", .reinstall, "1.0", "1.0"), ("deinstall", "", "1.0", .remove, "1.0", nil),
    ("purge", "", "1.0", .purge, "1.0", nil),
  ])
  func stepIsRead(
    mode: String, install: String, current: String, kind: PackageStep.Kind, from: String?, to: String?
  ) throws {
    // The candidate of a removed package is not a new version.
    let versions = [("candidate", "1.0"), ("install", install), ("current", current)].filter { !$0.1.isEmpty }
      .map { Self.version($0.0, $0.1) }.joined(separator: ",")
    let text = Self.hello + Self.message("pre-prompt", packages: Self.package("a", mode, versions: versions))
    let expected = PackageStep(name: "a", architecture: "amd64", kind: kind, from: from, to: to, isAutomatic: false)
    let decision = try AptHook.decision(in: text)
    #expect(decision?.steps == [expected])
    #expect(decision?.unknown == [])
    #expect(decision?.isFailure == false)
  }

  @Test func stepsAreInOrderAndWhatStaysIsNone() throws {
    let packages = [
      Self.package("b", "install", automatic: true, versions: Self.version("candidate", "1")),
      Self.package("kept", "keep", versions: Self.version("current", "1")),
      Self.package("a", "install", versions: Self.version("install", "2") + "," + Self.version("candidate", "3")),
    ].joined(separator: ",")
    let decision = try AptHook.decision(in: Self.message("pre-prompt", packages: packages))
    #expect(decision?.steps.map(\.name) == ["a", "b"])
    #expect(decision?.steps.map(\.to) == ["2", "1"])
    #expect(decision?.steps.map(\.isAutomatic) == [false, true])
  }

  @Test func failureNamesWhatIsUnknown() throws {
    let text = Self.hello + Self.message("fail", unknown: #""x","y\u0026z""#)
    let decision = try AptHook.decision(in: text)
    #expect(decision?.steps == [])
    #expect(decision?.unknown == ["x", "y&z"])
    #expect(decision?.isFailure == true)
  }

  @Test func firstDecisionCounts() throws {
    let text = Self.message("pre-prompt") + Self.message("fail", unknown: #""x""#)
    #expect(try AptHook.decision(in: text)?.isFailure == false)
  }

  @Test(arguments: ["", "\n\n", hello, hello + message("package-list"), message("post"), message("statistics")])
  func withoutADecisionThereIsNone(text: String) throws {
    #expect(try AptHook.decision(in: text) == nil)
  }

  @Test(arguments: [
    "garbage\n", "{}\n", "{\"method\":\n", #"{"method":"org.debian.apt.hooks.install.fail"}"#,
    #"{"method":"org.debian.apt.hooks.install.pre-prompt","params":{"packages":[{}],"unknown-packages":[]}}"#,
  ])
  func messageThatCannotBeReadIsAnError(text: String) {
    #expect(throws: (any Error).self) { try AptHook.decision(in: text) }
  }

}
