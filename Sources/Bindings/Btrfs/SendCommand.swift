/// A command of a send stream, reduced to its effect on the set of files: the stream turns one tree into another, one
/// command after the other.
enum SendCommand {
  /// A file of any type is made.
  case make(TreePath)
  case rename(TreePath, to: TreePath)
  /// A file gets a further name.
  case link(TreePath, existing: TreePath)
  /// A name is removed; with the name of a directory, the directory itself.
  case remove(TreePath)
  /// The content, the mode, the owner or an extended attribute is set.
  case change(TreePath)
  /// Names of subvolumes, and times.
  case other

  /// Parses a command (fs/btrfs/send.h: `btrfs_send_cmd`, `btrfs_send_attribute`); nil if it is malformed.
  static func read(_ number: UInt16, _ attributes: ArraySlice<UInt8>) -> SendCommand? {
    guard let paths = paths(in: attributes) else { return nil }
    switch number {
    case 3...8: return paths.path.map(SendCommand.make)
    case 9: return paths.path.flatMap { path in paths.to.map { .rename(path, to: $0) } }
    case 10: return paths.path.flatMap { path in paths.link.map { .link(path, existing: $0) } }
    case 11, 12: return paths.path.map(SendCommand.remove)
    case 13...19, 22: return paths.path.map(SendCommand.change)
    default: return .other
    }
  }

  private static func paths(
    in attributes: ArraySlice<UInt8>
  ) -> (path: TreePath?, to: TreePath?, link: TreePath?)? {
    var found: (path: TreePath?, to: TreePath?, link: TreePath?) = (nil, nil, nil)
    var rest = attributes
    while !rest.isEmpty {
      guard let kind: UInt16 = rest.readInteger(), let length: UInt16 = rest.readInteger(), rest.count >= length else {
        return nil
      }
      let value = rest.prefix(Int(length))
      rest = rest.dropFirst(Int(length))
      switch kind {
      case 15: found.path = TreePath(value)
      case 16: found.to = TreePath(value)
      case 17: found.link = TreePath(value)
      default: break
      }
    }
    return found
  }
}

extension ArraySlice<UInt8> {
  /// Takes a little-endian number off the beginning; nil if there are too few bytes.
  mutating func readInteger<Number: FixedWidthInteger & UnsignedInteger>() -> Number? {
    let size = Number.bitWidth / 8
    guard count >= size else { return nil }
    let number = prefix(size).reversed().reduce(into: Number.zero) { $0 = $0 << 8 | Number($1) }
    removeFirst(size)
    return number
  }
}
