import Grub
import Testing

/// The second initrd, read as the kernel reads it (init/initramfs.c).
struct StartUnitsTests {
  @Test func theArchiveHasTheUnitItsLinkAndTheDropIn() throws {
    let files = try entries(of: StartUnits.archive)
    #expect(
      files.map(\.path) == [
        "etc", "etc/systemd", "etc/systemd/system", "etc/systemd/system/ast-merge.service",
        "etc/systemd/system/initrd.target.wants", "etc/systemd/system/initrd.target.wants/ast-merge.service",
        "etc/systemd/system/initrd-switch-root.service.d", "etc/systemd/system/initrd-switch-root.service.d/ast.conf",
        "TRAILER!!!",
      ])
    #expect(files.map { $0.mode >> 12 } == [4, 4, 4, 8, 4, 10, 4, 8, 0])
    #expect(files[3].content.contains("\nExecStart=/usr/lib/ast/init merge\n"))
    #expect(files[5].content == "../ast-merge.service")
    #expect(files[7].content == "[Service]\nExecStart=\nExecStart=systemctl --no-block switch-root /sysroot \"\"\n")
    #expect(StartUnits.archive.count % 512 == 0)
  }

  private func entries(of archive: [UInt8]) throws -> [(path: String, mode: UInt32, content: String)] {
    var (entries, place): ([(path: String, mode: UInt32, content: String)], Int) = ([], 0)
    while entries.last?.path != "TRAILER!!!" {
      let header = String(decoding: archive[place..<place + 110], as: UTF8.self)
      #expect(header.hasPrefix("070701"))
      let fields = try (0..<13).map { index in
        let start = header.index(header.startIndex, offsetBy: 6 + 8 * index)
        return try #require(UInt32(header[start..<header.index(start, offsetBy: 8)], radix: 16))
      }
      let (nameSize, size) = (Int(fields[11]), Int(fields[6]))
      let name = archive[place + 110..<place + 110 + nameSize - 1]
      let start = (place + 110 + nameSize + 3) / 4 * 4
      entries.append(
        (
          String(decoding: name, as: UTF8.self), fields[1],
          String(decoding: archive[start..<start + size], as: UTF8.self)
        ))
      place = (start + size + 3) / 4 * 4
    }
    return entries
  }
}
