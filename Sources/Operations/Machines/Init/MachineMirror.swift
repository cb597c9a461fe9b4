import DebianFormats
import FoundationEssentials
import SystemPackage
import Host

extension DebianMirror {
  /// The mirror that this machine's own apt uses; nil if its sources name no Debian archive.
  static func ofThisMachine() throws -> DebianMirror? {
    let directory = "/etc/apt/sources.list.d"
    let parts = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    var sources: [AptSource] = []
    for path in ["/etc/apt/sources.list"] + parts.sorted().map({ "\(directory)/\($0)" }) {
      guard FileManager.default.fileExists(atPath: path) else { continue }
      let text = try Files.text(of: FilePath(path))
      sources += path.hasSuffix(".sources") ? AptSource.deb822(text) : AptSource.oneLine(text)
    }
    return DebianMirror(sources: sources)
  }
}
