import Etc
import FileTrees
import SystemPackage
import Testing

/// Which products a merge affects.
@Suite struct EtcProductTests {
  private static func put(_ path: FilePath) -> EtcStep {
    .put(path, EtcEntry(content: .bytes([]), attributes: FileAttributes(mode: 0o644)))
  }

  @Test(
    arguments: [
      (put("ld.so.conf.d/own.conf"), ["the cache of shared libraries"]),
      (put("ld.so.conf"), ["the cache of shared libraries"]),
      (.remove("ld.so.conf.d"), ["the cache of shared libraries"]),
      (.setAttributes("ld.so.conf", FileAttributes(mode: 0o600)), ["the cache of shared libraries"]),
      (put("ca-certificates.conf"), ["the bundle of certificates"]),
      (put("ssl/certs/ca-certificates.crt"), ["the bundle of certificates"]),
      (.remove("ssl"), ["the bundle of certificates"]),
      (put("locale.gen"), ["the locales"]),
      (put("udev/hwdb.d/90-own.hwdb"), ["the hardware database", "the hardware database in /etc"]),
      (put("aliases"), ["the mail aliases"]),
      (put("dconf/db/local.d/00"), ["the settings of dconf(7)"]),
      (put("ssl/openssl.cnf"), []), (put("ld.so.confidential"), []), (put("ssl"), []), (put("hosts"), []),
    ] as [(EtcStep, [String])])
  func productsFollowTheirSources(step: EtcStep, products: [String]) {
    #expect(EtcProduct.all.filter { $0.isAffected(by: [step]) }.map(\.name) == products)
  }

  @Test(
    arguments: [
      ("crypttab", true), ("modprobe.d/blacklist.conf", true), ("initramfs-tools/initramfs.conf", true),
      ("dracut.conf.d/own.conf", true), ("default/keyboard", true), ("mdadm/mdadm.conf", true), ("lvm/lvm.conf", true),
      ("default/grub", false), ("fstab", false), ("hostname", false), ("default", false),
    ] as [(FilePath, Bool)])
  func initrdsFollowTheirSources(path: FilePath, isAffected: Bool) {
    #expect(InitrdSources.areAffected(by: [Self.put(path)]) == isAffected)
  }

  @Test func namesAreUniqueBecauseNotesHaveThem() {
    #expect(Set(EtcProduct.all.map(\.name)).count == EtcProduct.all.count)
    #expect(
      EtcProduct.all.allSatisfy { EtcProduct.named($0.name) == $0 && $0.command.first == $0.needed.first?.string })
  }
}
