import Etc
import FoundationEssentials
import Host

extension RootDirectory {
  /// The codename of the root's release, such as `trixie` (os-release(5)); nil if it has none.
  package var releaseCodename: String? {
    get throws {
      OSRelease(try beginning(of: "/usr/lib/os-release", count: 1 << 14) ?? Data())["VERSION_CODENAME"]
    }
  }
}
