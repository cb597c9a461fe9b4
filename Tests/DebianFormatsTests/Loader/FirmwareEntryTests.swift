import DebianFormats
import Testing

@Suite("An entry of the firmware's boot menu") struct FirmwareEntryTests {
  private func text(_ text: String) -> [UInt8] {
    (Array(text.utf16) + [0]).flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
  }

  /// A hard drive's partition and a file on it, as efibootmgr(8) makes an entry.
  private func value(_ title: String, _ file: String) -> [UInt8] {
    let uuid: [UInt8] = [
      0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF,
    ]
    let drive = [4, 1, 42, 0, 2, 0, 0, 0] + [UInt8](repeating: 0, count: 16) + uuid + [2, 2]
    let path = [4, 4, UInt8(4 + text(file).count), 0] + text(file)
    let devices = drive + path + [0x7F, 0xFF, 4, 0]
    return [1, 0, 0, 0, UInt8(devices.count), 0] + text(title) + devices
  }

  @Test func itNamesAProgramOnAPartition() {
    let entry = FirmwareEntry(value("debian", #"\EFI\debian\shimx64.efi"#))
    #expect(entry?.title == "debian")
    #expect(entry?.program == #"\EFI\debian\shimx64.efi"#)
    #expect(entry?.partition == "00112233-4455-6677-8899-aabbccddeeff")
  }

  @Test func whatIsCutIsNotAnEntryOrHasLess() {
    let whole = value("a", "b")
    for count in 0..<whole.count { #expect(FirmwareEntry(Array(whole.prefix(count))) == nil, "\(count)") }
    var endless = whole
    endless[10 + 2] = 0  // the length of the first device
    #expect(FirmwareEntry(endless)?.program == nil)
    #expect(FirmwareEntry([1, 0, 0, 0, 0, 0] + text("setup")) != nil)
  }
}
