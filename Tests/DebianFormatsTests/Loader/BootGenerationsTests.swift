import DebianFormats
import Testing

@Suite("The section .sbat of a boot program") struct BootGenerationsTests {
  /// Of the GRUB of Debian 13.
  private static let grub = """
    sbat,1,SBAT Version,sbat,1,https://github.com/rhboot/shim/blob/main/SBAT.md
    grub,7,Free Software Foundation,grub,2.12,https://www.gnu.org/software/grub/
    grub.debian,5,Debian,grub2,2.12-9+deb13u4,https://tracker.debian.org/pkg/grub2
    grub.debian13,1,Debian,grub2,2.12-9+deb13u4,https://tracker.debian.org/pkg/grub2

    """

  private func generations(_ text: String) -> BootGenerations { BootGenerations(text.utf8) }

  @Test func eachPartHasItsNumber() {
    let found = generations(Self.grub)
    #expect(found.parts == ["sbat": 1, "grub": 7, "grub.debian": 5, "grub.debian13": 1])
    #expect(found.text == "grub 7, grub.debian 5, grub.debian13 1")
    #expect(found.areOfDebian)
  }

  @Test(arguments: [
    ("", [:]), ("\n\n", [:]), ("shim", [:]), ("shim,", [:]), ("shim,x", [:]), ("shim,-1", [:]), (",1", [:]),
    ("shim,4", ["shim": 4]), ("shim,4,UEFI shim,shim,1\r", ["shim": 4]), ("shim,4\nshim,2", ["shim": 4]),
    ("a b,1\nshim,99999999999999999999\ngrub,5", ["grub": 5]), ("shim\u{1b}[2J,1", [:]),
  ])
  func otherLinesDoNotCount(text: String, parts: [String: Int]) {
    #expect(generations(text).parts == parts)
  }

  @Test(arguments: [
    ("shim,4\nshim.debian,1", true), ("shim,4", false), ("shim,4\nshim.ubuntu,1", false),
    ("grub,4\ngrub.debian,5\ngrub.debian12,1\ngrub.peimage,2", true), ("grub,4\ngrub.debian,5\ngrub.kali,1", false),
    ("", false), ("grub.debian12,1", false),
  ])
  func debianIsTheOnlyMaker(text: String, isDebians: Bool) {
    #expect(generations(text).areOfDebian == isDebians)
  }

  /// The GRUB of Debian 14 can be older than a security update of Debian 13.
  @Test func aLowerGenerationIsNamed() {
    let testing = generations("sbat,1\ngrub,5\ngrub.debian,5\ngrub.debian14,1")
    #expect(testing.partsLower(than: generations(Self.grub)) == ["grub"])
    #expect(generations(Self.grub).partsLower(than: testing) == [])
    #expect(generations("").partsLower(than: testing) == [])
    #expect(generations("grub,1\nshim,1").partsLower(than: generations("grub,2\nshim,2")) == ["grub", "shim"])
  }
}
