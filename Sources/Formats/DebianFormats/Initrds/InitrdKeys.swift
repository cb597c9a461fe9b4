/// The key files of disks in an initrd, by their names.
public struct InitrdKeys: Sendable {
  /// The files that the table of encrypted disks names as keys, without a slash at the start.
  private let named: Set<String>

  /// Reads the text of crypttab(5). A key on a device, or none, is not a file of the root.
  public init(table: String) {
    named = Set(
      table.split(separator: "\n").compactMap { line in
        let fields = line.split { $0 == " " || $0 == "\t" }
        guard fields.count > 2, !fields[0].hasPrefix("#"), fields[2].hasPrefix("/"), !fields[2].hasPrefix("/dev/")
        else {
          return nil
        }
        return String(fields[2].dropFirst())
      })
  }

  /// The keys among the files of an initrd, by their paths.
  public func all(in files: Set<String>) -> [String] {
    files.filter { file in named.contains(file) || Self.places.contains(where: file.hasPrefix) }.sorted()
  }

  /// Where cryptsetup-initramfs copies keys, and where systemd looks for them.
  private static let places = ["cryptroot/keyfiles/", "etc/cryptsetup-keys.d/", "run/cryptsetup-keys.d/"]
}
