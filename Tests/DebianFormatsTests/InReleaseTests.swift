import DebianFormats
import Testing

@Suite struct InReleaseTests {
  private static let (one, two) = (String(repeating: "1a", count: 32), String(repeating: "2B", count: 32))
  private static let signed = """
    -----BEGIN PGP SIGNED MESSAGE-----
    Hash: SHA512

    Origin: Debian
    Date: Sat, 5 Nov 2025 09:07:41 UTC
    MD5Sum:
     d41d8cd98f00b204e9800998ecf8427e 0 main/binary-amd64/Packages
    SHA256:
     \(one)  56634892 main/binary-amd64/Packages
     \(two) 7 main/i18n/Translation-de_DE
    -----BEGIN PGP SIGNATURE-----

    iQ==
    -----END PGP SIGNATURE-----

    """

  @Test func dateAndChecksumsAreThoseOfTheSignedText() {
    #expect(InRelease(Self.signed)?.date == "20251105090741")
    #expect(
      InRelease(Self.signed)?.sha256 == [
        "main/binary-amd64/Packages": Self.one, "main/i18n/Translation-de_DE": Self.two.lowercased(),
      ])
  }

  private static let section = "SHA256:\n \(two) 7 main/binary-amd64/Packages\n"

  /// What a signature does not cover, or two readers could understand in two ways.
  @Test(arguments: [
    "\(section)\(signed)", "\(signed)\(section)", "\n\(signed)",
    signed.replacing("Hash: SHA512\n", with: "Hash: SHA512\n\(section)"),
    signed.replacing("Hash: SHA512\n", with: "Hash: SHA512\n \n"),
    signed.replacing("Origin: Debian\n", with: section), signed.replacing("\nSHA256", with: "\r\nSHA256"),
    signed.replacing("-----BEGIN PGP SIGNATURE-----\n", with: "-----BEGIN PGP SIGNATURE-----\n\(signed)"),
    signed.replacing("-----BEGIN PGP SIGNATURE", with: "- \n-----BEGIN PGP SIGNED MESSAGE"),
    signed.replacing("\(two) 7 main/i18n/Translation-de_DE", with: "\(two) 7 main/binary-amd64/Packages"),
    signed.replacing("09:07:41 UTC", with: "09:07:41 CET"), signed.replacing("Nov", with: "Foo"),
    signed.replacing("MD5Sum:", with: "Date: Sat, 5 Nov 2026 09:07:41 UTC\nMD5Sum:"), signed.replacing(two, with: "0"),
    signed.replacing("SHA256:", with: "SHA512:"), "", "Origin: Debian\n\(section)",
  ])
  func otherTextsAreNotRead(text: String) { #expect(InRelease(text) == nil) }

  @Test func namesAreThoseOfApt() {
    #expect(InRelease.listName(of: "main/binary-amd64/Packages") == "main_binary-amd64_Packages")
    #expect(InRelease.listName(of: "a_b/c~d e+f%.x") == "a%5fb_c%7ed%20e+f%25.x")
  }
}
