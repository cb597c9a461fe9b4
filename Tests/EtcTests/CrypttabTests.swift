import Etc
import Testing

@Suite("/etc/crypttab") struct CrypttabTests {
  @Test(
    arguments: [
      (
        "sda3_crypt UUID=1 none luks,discard,x-initrd.attach",
        "sda3_crypt UUID=1 none luks,discard,x-initrd.attach,initramfs"
      ),
      ("sda3_crypt\tUUID=1\tnone\tluks  # mine\n", "sda3_crypt\tUUID=1\tnone\tluks,initramfs  # mine\n"),
      ("sda3_crypt /dev/sda3 /key", "sda3_crypt /dev/sda3 /key initramfs"),
      ("sda3_crypt /dev/sda3  \n", "sda3_crypt /dev/sda3 none initramfs  \n"),
      ("sda3_crypt UUID=1 none initramfs,luks\n", "sda3_crypt UUID=1 none initramfs,luks\n"),
      ("# sda3_crypt UUID=1 none luks\n\nsda3_crypt\nsda3 UUID=1 none luks\n", nil),
      (
        "swap /dev/sda4 /dev/urandom swap\nsda3_crypt UUID=1 none luks",
        "swap /dev/sda4 /dev/urandom swap\nsda3_crypt UUID=1 none luks,initramfs"
      ),
      ("", nil),
    ] as [(String, String?)])
  func theLineOfAVolumeGetsAnOption(text: String, expected: String?) {
    let table = Crypttab(text.utf8).adding("initramfs", to: ["sda3_crypt"])
    #expect(String(decoding: table.content, as: UTF8.self) == expected ?? text)
    #expect(table.adding("initramfs", to: ["sda3_crypt"]) == table)
  }

  @Test func theNamesAreThoseOfLinesWithADevice() {
    let text = "# <name> <device>\na UUID=1\n\n b\t/dev/sda3 none luks\nalone\n"
    #expect(Crypttab(text.utf8).names == ["a", "b"])
  }
}
