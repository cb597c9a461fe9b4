import Glibc
import SystemPackage

/// The path of a file relative to the root of its tree, without a slash at either end; empty for the root. Any bytes,
/// as the kernel has them: tens of thousands of `FilePath` values would cost too much.
struct TreePath: Hashable, Comparable {
  private(set) var bytes: [UInt8]

  static let root = TreePath([])
  private static let slash = UInt8(ascii: "/")

  init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

  init(_ path: FilePath) {
    self.init(path.components.flatMap { [Self.slash] + $0.bytes }.dropFirst())
  }

  /// The names on the way, from the root.
  var names: [ArraySlice<UInt8>] { bytes.split(separator: Self.slash) }

  func appending(_ name: some Collection<UInt8>) -> TreePath {
    TreePath(bytes.isEmpty ? Array(name) : bytes + [Self.slash] + name)
  }

  /// Nil for the root.
  var parent: TreePath? {
    guard !bytes.isEmpty else { return nil }
    return TreePath(bytes[..<(bytes.lastIndex(of: Self.slash) ?? 0)])
  }

  /// Whether this is `directory` or something below it.
  func isWithin(_ directory: TreePath) -> Bool {
    bytes.starts(with: directory.bytes)
      && (directory.bytes.isEmpty || bytes.count == directory.bytes.count
        || bytes[directory.bytes.count] == Self.slash)
  }

  /// This path after `directory`, which contains it, has become `other`.
  func moved(from directory: TreePath, to other: TreePath) -> TreePath {
    let rest = bytes.dropFirst(directory.bytes.count).drop { $0 == Self.slash }
    return rest.isEmpty ? other : other.appending(rest)
  }

  /// A directory comes before its contents, and these before everything else.
  static func < (left: TreePath, right: TreePath) -> Bool {
    left.bytes.lexicographicallyPrecedes(right.bytes) { $0 != $1 && ($0 == slash || ($1 != slash && $0 < $1)) }
  }

  /// The path for callers of this module.
  var filePath: FilePath { bytes.isEmpty ? FilePath() : FilePath(platformString: characters) }

  /// The path for the kernel, which calls the root ".".
  var characters: [CChar] { (bytes.isEmpty ? [UInt8(ascii: ".")] : bytes).map(CChar.init(bitPattern:)) + [0] }
}

extension FilePath.Component {
  fileprivate var bytes: [UInt8] {
    withPlatformString { name in UnsafeBufferPointer(start: name, count: strlen(name)).map(UInt8.init(bitPattern:)) }
  }
}
