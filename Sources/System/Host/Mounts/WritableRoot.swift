import Sandbox
import SystemPackage

/// The root of the running system, which is mounted read-only, made writable for this process and its children.
package enum WritableRoot {
  /// Makes it writable. The process has its own mounts: for all other processes the root stays read-only.
  ///
  /// - Throws: `FileError`.
  package static func make() throws {
    try Files.attempt("remount", "/") { try PrivateMounts.makeWritable("/") }
    // A live snapshot is mounted over these.
    for place: FilePath in ["/usr", "/opt"] where try MountTable.source(at: place) != nil {
      try Files.attempt("remount", place) { try PrivateMounts.makeWritable(place) }
    }
  }
}
