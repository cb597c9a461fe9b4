import Testing

@testable import Machines

@Suite struct DebianMirrorTests {
  @Test func bothFormatsOfAptSourcesAreRead() {
    let deb822 = """
      Types: deb
      # a comment
      URIs: http://one.example/debian
      Suites: bookworm bookworm-updates
      Components: main
      Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

      Types: deb
      URIs: http://two.example/debian-security
      Suites: bookworm-security
      Components: main
      """
    let oneLine = """
      # deb http://no.example/debian bookworm main
      deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] http://one.example/debian bookworm main contrib # note
      deb http://two.example/debian-security bookworm-security main
      """
    let mirror = DebianMirror(archive: "http://one.example/debian", security: "http://two.example/debian-security")
    #expect(DebianMirror(sources: DebianMirror.deb822(deb822)) == mirror)
    #expect(DebianMirror(sources: DebianMirror.oneLine(oneLine)) == mirror)
  }

  @Test func otherVendorsAreNotDebian() {
    let sources = DebianMirror.oneLine("deb https://vendor.example/apt stable main")
    #expect(DebianMirror(sources: sources) == nil)
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
