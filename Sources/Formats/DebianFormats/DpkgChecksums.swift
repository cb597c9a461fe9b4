import SystemPackage

/// Reads the checksums of a package's files that dpkg keeps (deb-md5sums(5)).
public enum DpkgChecksums {
  /// The checksum of each file, by its path relative to the root. Configuration files are not among them. Invalid lines
  /// are skipped.
  public static func files(in text: some Collection<UInt8>) -> [FilePath: [UInt8]] {
    var files: [FilePath: [UInt8]] = [:]
    for line in text.split(separator: UInt8(ascii: "\n")) {
      let sum = line.prefix { $0 != UInt8(ascii: " ") }
      let path = line.dropFirst(sum.count).drop { $0 == UInt8(ascii: " ") }
      guard sum.count == 32, !path.isEmpty, !path.contains(0) else { continue }
      files[FilePath(platformString: path.map(CChar.init(bitPattern:)) + [0])] = Array(sum)
    }
    return files
  }

  /// Where dpkg may keep the checksums of a package, relative to its own directory: the architecture is part of the
  /// name if packages of several architectures can be installed together.
  public static func places(of name: String, _ architecture: String) -> [FilePath] {
    [FilePath("info/\(name):\(architecture).md5sums"), FilePath("info/\(name).md5sums")]
  }
}
