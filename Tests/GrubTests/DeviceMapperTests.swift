import Grub
import Testing

@Suite("Devices of the device mapper") struct DeviceMapperTests {
  @Test(
    arguments: [
      ("vg-root", "vg"), ("my--group-root", "my-group"), ("a----b-c--d", "a--b"), ("vg0-lv-rest", "vg0"), ("luks", nil),
      ("-root", nil), ("vg-", nil), ("--root", nil), ("", nil), ("a--", nil),
    ] as [(String, String?)])
  func theVolumeGroupIsInTheName(name: String, group: String?) {
    #expect(DeviceMapper.volumeGroup(ofDevice: name) == group)
  }

  @Test(
    arguments: [
      ("CRYPT-LUKS2-0123456789abcdef0123456789abcdef-sda3_crypt", "01234567-89ab-cdef-0123-456789abcdef"),
      ("CRYPT-LUKS1-0123456789abcdef0123456789abcdef-a-b", "01234567-89ab-cdef-0123-456789abcdef"),
      ("CRYPT-PLAIN-swap", nil), ("CRYPT-LUKS2-0123456789abcdef-x", nil), ("LVM-0123", nil), ("", nil),
      ("CRYPT-LUKS2-0123456789abcdef0123456789abcdef", nil), ("CRYPT-LUKS2-0123456789ABCDEF0123456789abcdef-x", nil),
    ] as [(String, String?)])
  func theLUKSVolumeIsInTheIdentity(identity: String, volume: String?) {
    #expect(DeviceMapper.luksVolume(ofDevice: identity) == volume)
  }

  @Test(
    arguments: [
      ("0 8388608 linear 8:2 2048\n", ["linear"]), ("0 8 linear 8:2 0\n8 16 linear 8:3 0", ["linear", "linear"]),
      ("0 8 thin 253:2 1\n", ["thin"]), ("0 8 crypt aes-xts :64:logon:x 0 8:2 0", ["crypt"]),
      ("0 8 linear 8:2 0\n0 8 snapshot 253:1 253:2 P 8\n", ["linear", "snapshot"]), ("", []), ("linear", ["unknown"]),
      ("vg-root: 0 8 linear 8:2 0", ["unknown"]), ("0 -8 linear 8:2", ["unknown"]), ("0 8 linear", ["unknown"]),
    ] as [(String, [String])])
  func theTargetsAreInTheTable(table: String, targets: [String]) {
    #expect(DeviceMapper.targets(in: table) == targets)
  }
}
