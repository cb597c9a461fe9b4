import DebianFormats
import Testing

@Suite struct PackageDownloadTests {
  private static let hello = PackageDownload(
    uri: "http://example.org/debian/pool/main/h/hello/hello_2.10-3_amd64.deb", fileName: "hello_2.10-3_amd64.deb",
    size: 53112, hash: "SHA256:9D0C87")

  @Test func linesOfAptAreRead() {
    let text = """
      'http://example.org/debian/pool/main/h/hello/hello_2.10-3_amd64.deb' hello_2.10-3_amd64.deb 53112 SHA256:9D0C87
      'file:/srv/pool/a_1%3a2-1_all.deb' a_1%3a2-1_all.deb 0 MD5Sum:00ff

      """
    #expect(
      PackageDownload.printed(in: text) == [
        Self.hello,
        PackageDownload(
          uri: "file:/srv/pool/a_1%3a2-1_all.deb", fileName: "a_1%3a2-1_all.deb", size: 0, hash: "MD5Sum:00ff"),
      ])
  }

  /// apt writes the address of a directory as it is, and the name of a file in it with escapes.
  @Test(arguments: [
    ("file:/srv/my repo/./a%20b%2541.deb", "/srv/my repo/./a b%41.deb"), ("copy:/srv/a\\b.deb", "/srv/a\\b.deb"),
    ("file:///srv/a:b_1:2.deb", "/srv/a:b_1:2.deb"), ("file://localhost/srv/100%.deb", "/srv/100%.deb"),
    ("file:/srv/it's here' 1.deb", "/srv/it's here' 1.deb"), ("file:/srv/%c3%a4%zz.deb", "/srv/ä%zz.deb"),
  ])
  func pathsAreReadAsAptReadsThem(uri: String, path: String) throws {
    let download = try #require(PackageDownload.printed(in: "'\(uri)' a_1%3a2_all.deb 10 \n").first)
    #expect(download == PackageDownload(uri: uri, fileName: "a_1%3a2_all.deb", size: 10, hash: ""))
    #expect(download.isInPlace && download.path == path)
  }

  @Test(arguments: [
    ("SHA256:00ff", "sha256sum"), ("SHA512:00ff", "sha512sum"), ("MD5Sum:00ff", nil), ("SHA1:00ff", nil), ("", nil),
  ])
  func checksumsThatProveSomething(hash: String, program: String?) {
    let file = PackageDownload(uri: "http://a/b.deb", fileName: "b.deb", size: 1, hash: hash)
    #expect(file.checksumProgram == program && file.checksum == (hash.isEmpty ? "" : "00ff"))
  }

  /// The cache is in a directory of the host: no name leads out of it.
  @Test(arguments: [
    "", "\n\n", "Reading package lists...", "'http://a/b.deb' b.deb 10", "'http://a/b.deb' b.deb 10 SHA256:",
    "'http://a/b.deb' b.deb 10 :00", "'http://a/b.deb' b.deb ten SHA256:00", "http://a/b.deb b.deb 10 SHA256:00",
    "'' b.deb 10 SHA256:00", "'http://a/b.deb' ../b.deb 10 SHA256:00", "'http://a/b.deb' /b.deb 10 SHA256:00",
    "'http://a/b.deb' b.deb 1099511627777 SHA256:00", "'http://a/b.deb' b.deb -1 SHA256:00",
    "'http://a/b.deb' b.deb 10 SHA256:../../00", "'http://a/b.deb' b.deb 10 SHA256:00:11",
    "'http://a/b.deb' b.deb 10 SHA256:00 more", "'http://a/b.deb' b.deb 99999999999999999999 SHA256:00",
  ])
  func lineThatIsNoneIsPassedOver(line: String) {
    #expect(PackageDownload.printed(in: line).isEmpty)
  }

  @Test func keyIsTheContents() {
    #expect(Self.hello.key == "sha256-9d0c87")
    let elsewhere = PackageDownload(uri: "https://mirror/x", fileName: "x.deb", size: 53112, hash: "SHA256:9d0c87")
    #expect(elsewhere.key == Self.hello.key)
  }
}
