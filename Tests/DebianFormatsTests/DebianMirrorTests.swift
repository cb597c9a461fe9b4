import DebianFormats
import Testing

@Suite struct DebianMirrorTests {
  private static let archive = source("http://one.example/debian", "bookworm")
  private static let security = source("http://two.example/debian-security", "bookworm-security")
  private static let vendor = source("https://vendor.example/apt", "stable")

  private static func source(_ uri: String, _ suite: String, _ component: String = "main") -> AptSource {
    AptSource(uris: [uri], suites: [suite], components: [component])
  }

  @Test(
    arguments: [
      ([archive, security], DebianMirror(archive: "http://one.example/debian", security: security.uris[0])),
      ([vendor, security, archive], DebianMirror(archive: "http://one.example/debian", security: security.uris[0])),
      ([source("http://a/debian/", "sid")], DebianMirror(archive: "http://a/debian/")),
      ([source("http://a/debian", "sid", "contrib"), archive], DebianMirror(archive: "http://one.example/debian")),
      ([], nil), ([vendor], nil), ([security], nil), ([source("http://a/debian", "sid", "contrib")], nil),
    ] as [([AptSource], DebianMirror?)])
  func theDebianArchiveIsPickedOut(sources: [AptSource], mirror: DebianMirror?) {
    #expect(DebianMirror(sources: sources) == mirror)
  }

  @Test func aSuiteThatNeverFreezesHasNoSecurityOfItsOwn() {
    let mirror = DebianMirror(archive: "http://a/debian", security: "http://s/debian-security")
    #expect(mirror.sourcesList(suite: "sid") == ["deb http://a/debian sid main"])
    #expect(
      mirror.sourcesList(suite: "trixie") == [
        "deb http://a/debian trixie main", "deb http://a/debian trixie-updates main",
        "deb http://s/debian-security trixie-security main",
      ])
  }
}
