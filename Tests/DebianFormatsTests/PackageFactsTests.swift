import DebianFormats
import Testing

@Suite struct PackageFactsTests {
  @Test(
    arguments: [
      ("", [:]), ("Version: 1\n", [:]),
      ("Package: a\nInstalled-Size: 3\n", ["a": PackageFacts(size: 3072, isEssential: false)]),
      (
        "Package: a\nEssential: yes\n\nPackage: b\nProtected: yes\nInstalled-Size: 1\n\nPackage: c\nEssential: no\n",
        [
          "a": PackageFacts(size: 0, isEssential: true), "b": PackageFacts(size: 1024, isEssential: true),
          "c": PackageFacts(size: 0, isEssential: false),
        ]
      ),
      (
        "Package: a\nInstalled-Size: 1\n\nPackage: a\nInstalled-Size: 2\n",
        ["a": PackageFacts(size: 1024, isEssential: false)]
      ),
      // Anybody can write a package.
      ("Package: a\nInstalled-Size: many\n", ["a": PackageFacts(size: 0, isEssential: false)]),
      ("Package: a\nInstalled-Size: 1073741824\n", ["a": PackageFacts(size: 1 << 40, isEssential: false)]),
      ("Package: a\nInstalled-Size: 1073741825\n", ["a": PackageFacts(size: 1 << 40, isEssential: false)]),
      ("Package: a\nInstalled-Size: -1\n", ["a": PackageFacts(size: 0, isEssential: false)]),
      ("Package: a\nInstalled-Size: 9223372036854775808\n", ["a": PackageFacts(size: 1 << 40, isEssential: false)]),
    ] as [(String, [String: PackageFacts])])
  func paragraphsAreRead(text: String, facts: [String: PackageFacts]) {
    #expect(PackageFacts.table(in: Array(text.utf8)) == facts)
  }
}
