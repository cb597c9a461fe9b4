import Btrfs
import FileTrees
import Glibc
import Host
import SnapshotTree
import Store
import SystemPackage

/// How the content of a file differs between two nodes or generations.
public struct FileDifference: Sendable, Equatable {
  /// The path of the file in the first one, relative to the root.
  public let origin: FilePath
  /// The difference.
  public let content: ContentDifference
}

/// What is shown of the contents of two files.
public enum ContentDifference: Sendable, Equatable {
  /// The lines that differ.
  case text(UnifiedDiff)
  /// At least one of the two is not text.
  case binary
  /// The files are large, or too much has been compared already.
  case omitted
}

/// `diff --content`: the lines that differ.
extension Store {
  /// How the contents of files differ, in the order of `changes`; nil for a file whose content does not. A symbolic link
  /// has its target as content; a file that is in one tree only is compared with an empty one.
  ///
  /// No file of more than a mebibyte is read, and no more than 64 MiB of all.
  public func contentDifferences(
    of changes: [FileChange], from first: GenerationReference, to second: GenerationReference
  ) throws -> [FileDifference?] {
    let roots = (
      RootDirectory(try subvolume(of: generation(first)).path),
      RootDirectory(try subvolume(of: generation(second)).path)
    )
    let renames = Dictionary(
      changes.compactMap { change in change.from.map { (change.path, $0) } }, uniquingKeysWith: { first, _ in first })
    var left = mostBytes
    return try changes.map { change in
      try Interruption.check()
      guard change.hasOtherContent else { return nil }
      let origin = change.origin(renames)
      let old = change.kind == .added ? nil : try roots.0.content(of: origin, within: &left)
      let new = change.kind == .removed ? nil : try roots.1.content(of: change.path, within: &left)
      return ContentDifference(from: old, to: new).map { FileDifference(origin: origin, content: $0) }
    }
  }
}

/// Several times what all files in /etc have.
private let mostBytes = 64 << 20
/// Several times the largest text that is edited by hand.
private let largestFile = 1 << 20

extension FileChange {
  /// The path of the file in the first tree: a directory above it may have been renamed.
  fileprivate func origin(_ renames: [FilePath: FilePath]) -> FilePath {
    if let from { return from }
    var (above, below) = (path.removingLastComponent(), [path.lastComponent].compactMap(\.self))
    while let name = above.lastComponent {
      if let before = renames[above] { return FilePath(root: nil, before.components + below.reversed()) }
      below.append(name)
      above.removeLastComponent()
    }
    return path
  }

  fileprivate var hasOtherContent: Bool {
    [.added, .removed].contains(kind) || !Set(differences).isDisjoint(with: [.content, .target, .type])
  }
}

/// What is compared of a file.
private enum FileText {
  case bytes([UInt8])
  case tooLarge
}

extension ContentDifference {
  /// The difference between two files, one of which may be missing, or of a kind without content.
  fileprivate init?(from older: FileText?, to newer: FileText?) {
    switch (older, newer) {
    case (nil, nil): return nil
    case (.tooLarge, _), (_, .tooLarge): self = .omitted
    case (let older, let newer):
      let texts = [older, newer].map { if case .bytes(let bytes) = $0 { bytes } else { [UInt8]() } }
      let diff = UnifiedDiff(from: texts[0], to: texts[1])
      // Text has no zero bytes; diff(1) makes the same difference.
      if texts.contains(where: { $0.contains(0) }) {
        self = .binary
      } else if diff.lines.isEmpty {
        return nil
      } else {
        self = .text(diff)
      }
    }
  }
}

extension RootDirectory {
  /// The content of a regular file or the target of a link; nil for a file of another kind. It is counted as read.
  fileprivate func content(of file: FilePath, within left: inout Int) throws -> FileText? {
    guard let status = try status(ofName: file) else { return nil }
    switch status.st_mode & S_IFMT {
    case S_IFLNK: return try destinationOfLink(file).map { .bytes(Array("-> \($0)\n".utf8)) }
    case S_IFREG:
      let size = Int(status.st_size)
      guard size <= largestFile, size <= left else { return .tooLarge }
      left -= size
      return try beginning(of: file, count: largestFile).map { .bytes(Array($0)) }
    default: return nil
    }
  }
}
