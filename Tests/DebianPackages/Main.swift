import Glibc
import SystemPackage
import TestSupport

/// Takes packages that are known to be difficult through install, upgrade and purge, for `Tests/DebianPackages/run`.
///
///     debian-packages RELEASE DIRECTORY [PACKAGE...]
///
/// RELEASE is the newer release of the upgrade; PACKAGE is one of those to be taken through it, by default all. The results are lines of JSON in DIRECTORY; a run that was ended goes on
/// there. The exit status is 1 if something fails in a node that does not fail in a plain Debian.
@main
enum Main {
  static func main() {
    let words = CommandLine.arguments
    guard words.count > 2, let releases = Releases(rawValue: words[1]) else {
      say("usage: debian-packages \(Releases.allCases.map(\.rawValue).joined(separator: "|")) DIRECTORY [PACKAGE...]")
      exit(2)
    }
    do {
      var course = try Course(releases, at: FilePath(words[2]), only: Set(words[3...]))
      exit(try course.run() ? 0 : 1)
    } catch {
      say("debian-packages: \(error)")
      exit(1)
    }
  }
}

/// Prints a line, which is there at once, whoever reads it.
func say(_ text: String) {
  // Nobody is left to be told of an error.
  _ = try? FileDescriptor.standardOutput.writeAll("\(text)\n".utf8)
}
