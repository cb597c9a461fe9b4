/// Where a machine that hibernates keeps its memory, as arguments of the kernel: every system that starts on it has to
/// look there, or it would write to file systems that the image knows in another state.
public struct HibernationPlace: Hashable, Sendable {
  /// The arguments: `resume=` and, for a file, `resume_offset=`. Empty if there is no such place.
  public let arguments: [String]

  /// The place that a machine's files name, in this order: the arguments of its kernel, the file of initramfs-tools, and
  /// the first partition for swapping in /etc/fstab.
  ///
  /// - Parameters:
  ///   - arguments: those of the kernel, one each.
  ///   - configuration: /etc/initramfs-tools/conf.d/resume.
  ///   - encrypted: /etc/crypttab: a partition with a new key at each start keeps nothing.
  public init(
    arguments: [String], configuration: some Sequence<UInt8>, table: Fstab, encrypted: some Sequence<UInt8>
  ) {
    if let found = Self.last("resume=", in: arguments) {
      self.arguments = [found] + [Self.last("resume_offset=", in: arguments)].compactMap { $0 }
    } else if arguments.contains("noresume") {
      self.arguments = []
    } else if let named = OSRelease(configuration)["RESUME"], !["", "auto"].contains(named) {
      self.arguments = named == "none" || !Self.isPlain(named) ? [] : ["resume=\(named)"]
    } else {
      let forgetful = Self.forgetful(encrypted)
      let source = table.swapSources.first { source in
        Self.isPlain(source) && !source.hasPrefix("/dev/zram") && !forgetful.contains(source)
      }
      self.arguments = source.map { ["resume=\($0)"] } ?? []
    }
  }

  private static func last(_ prefix: String, in arguments: [String]) -> String? {
    arguments.last { $0.hasPrefix(prefix) && isPlain($0) }
  }

  /// Whether it is a word for the kernel as it stands.
  private static func isPlain(_ word: String) -> Bool {
    word.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !#""'\$`"#.utf8.contains($0) }
  }

  /// The devices that get a new key at each start (crypttab(5)).
  private static func forgetful(_ table: some Sequence<UInt8>) -> Set<String> {
    let lines = table.split(separator: UInt8(ascii: "\n")).map { line in
      line.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }.map { String(decoding: $0, as: UTF8.self) }
    }
    return Set(
      lines.filter { $0.count > 2 && ["/dev/urandom", "/dev/random"].contains($0[2]) }.map { "/dev/mapper/\($0[0])" })
  }
}
