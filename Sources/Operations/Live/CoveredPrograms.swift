import DebianFormats
import Glibc
import Host
import Sandbox
import SystemPackage

/// The programs that ast covers on a booted deployment: `cover`, a script of the system files, mounts ast in their places,
/// for the whole machine.
public enum CoveredPrograms {
  /// The path of a real program, which is the same file of the same package.
  ///
  /// - Parameter place: its path, below /usr.
  public static func real(of place: FilePath) -> FilePath {
    var rest = place
    _ = rest.removePrefix("/usr")
    return directory.pushing(rest)
  }

  /// The /usr of the running system without what is mounted below it.
  private static let directory: FilePath = "/run/ast/real"
  private static let script: FilePath = "/usr/lib/ast/cover"

  /// The directories of the real programs, for a PATH; none if nothing is covered.
  public static var searchPath: [String] {
    access(directory.appending("bin").string, X_OK) == 0 ? ["sbin", "bin"].map { directory.appending($0).string } : []
  }

  /// Whether something at a path is mounted there by `cover`.
  static func isCovered(_ place: FilePath) -> Bool { CoveredProgram(atPath: place.string) != nil }

  /// Gives this process and its children the real programs in their places. Call it while there is one thread.
  ///
  /// - Throws: `FileError`; nothing is shown then, or a part.
  public static func uncover() throws {
    let places = Set(try MountTable.mounts().map(\.place).filter(isCovered))
    guard !places.isEmpty else { return }
    if geteuid() == 0 {
      try Files.attempt("make private mounts for", directory) { try PrivateMounts.enter() }
      try remove()
    } else {
      // A user may not take mounts away that others have made, but cover them.
      try Files.attempt("make private mounts for", directory) { try PrivateMounts.enterAsUser() }
      for place in places {
        try Files.attempt("mount", place) { try PrivateMounts.bind(real(of: place), at: place) }
      }
    }
  }

  /// The same for root in a process that has its own mounts.
  static func remove() throws {
    // What is mounted over another mount comes after it.
    for place in try MountTable.mounts().map(\.place).filter(isCovered).reversed() {
      do {
        try Files.attempt("unmount", place) { try PrivateMounts.remove(place) }
      } catch let error as FileError where error.errno == .invalidArgument {
        // It was mounted in a /usr over which another one is mounted.
        continue
      }
    }
  }

  /// Covers them again in a /usr that has just been mounted. A node with an older ast has none.
  static func coverAgain() throws {
    guard access(script.string, X_OK) == 0 else { return }
    try ChildProcess("nsenter", ["--target", "1", "--mount", script.string]).run()
  }
}
