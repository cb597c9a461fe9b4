import DebianFormats
import SystemPackage
import Testing

@Suite("Debian's signed boot loader") struct SignedLoaderTests {
  @Test func eachArchitectureHasItsNames() {
    let (amd64, arm64) = (SignedLoader(for: .amd64), SignedLoader(for: .arm64))
    #expect(amd64.source(of: .shim) == "/usr/lib/shim/shimx64.efi.signed")
    #expect(amd64.source(of: .grub) == "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed")
    #expect(arm64.source(of: .keyManager) == "/usr/lib/shim/mmaa64.efi.signed")
    #expect(arm64.source(of: .grub) == "/usr/lib/grub/arm64-efi-signed/grubaa64.efi.signed")
    #expect(amd64.place(of: .shim, in: .debian) == "EFI/debian/shimx64.efi")
    #expect(amd64.place(of: .shim, in: .removable) == "EFI/BOOT/BOOTX64.EFI")
    #expect(amd64.place(of: .fallback, in: .removable) == "EFI/BOOT/fbx64.efi")
    #expect(arm64.place(of: .shim, in: .removable) == "EFI/BOOT/BOOTAA64.EFI")
    #expect(amd64.entryPath == #"\EFI\debian\shimx64.efi"#)
    #expect(amd64.entriesPlace == "EFI/debian/BOOTX64.CSV")
  }

  /// The same bytes as those of Debian's package shim-signed, where that has the file.
  @Test func theEntriesAreUTF16() {
    let entries = SignedLoader(for: .amd64).entries
    #expect(entries.prefix(4) == [0xFF, 0xFE, 0x73, 0x00] && entries.count == 108)
    let units = stride(from: 2, to: entries.count, by: 2).map { UInt16(entries[$0]) | UInt16(entries[$0 + 1]) << 8 }
    #expect(
      String(decoding: units, as: UTF16.self) == "shimx64.efi,debian,,This is the boot entry for debian")
  }

  @Test func theConfigurationLeadsToTheFileSystem() {
    let text = SignedLoader.configuration(fileSystem: "1111-2222", directory: "/@grub")
    #expect(
      text == """
        search --no-floppy --fs-uuid --set=root 1111-2222
        set prefix=($root)/@grub
        configfile $prefix/grub.cfg

        """)
    #expect(SignedLoader.fileSystem(ofConfiguration: text) == "1111-2222")
  }

  @Test(arguments: [
    // grub-install(8) of Debian.
    (
      "search.fs_uuid 1111-2222 root hd0,gpt2 \nset prefix=($root)'/boot/grub'\nconfigfile $prefix/grub.cfg\n",
      "1111-2222"
    ),
    ("search -u 3\n", "3"), ("search --fs-uuid --set=root 1111-2222", "1111-2222"),
    ("configfile (hd0)/grub.cfg", nil), ("", nil), ("search.fs_uuid", nil), ("search --label x", nil),
    ("# search.fs_uuid 1\n", nil), ("search --fs-uuid --set=root", nil),
  ])
  func whereOtherConfigurationsLead(text: String, fileSystem: String?) {
    #expect(SignedLoader.fileSystem(ofConfiguration: text) == fileSystem)
  }
}
