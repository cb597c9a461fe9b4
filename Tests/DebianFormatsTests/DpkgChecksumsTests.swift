import DebianFormats
import SystemPackage
import Testing

@Suite struct DpkgChecksumsTests {
  @Test func linesAreTakenApart() {
    let text = """
      d41d8cd98f00b204e9800998ecf8427e  usr/share/doc/a b
      0123456789abcdef0123456789abcdef usr/bin/x
      too-short  usr/bin/y
      d41d8cd98f00b204e9800998ecf8427e

      """
    #expect(
      DpkgChecksums.files(in: Array(text.utf8)) == [
        "usr/share/doc/a b": Array("d41d8cd98f00b204e9800998ecf8427e".utf8),
        "usr/bin/x": Array("0123456789abcdef0123456789abcdef".utf8),
      ])
  }
}
