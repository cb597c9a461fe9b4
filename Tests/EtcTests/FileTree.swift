import Etc
import FileTrees
import SystemPackage

/// A file for a tree of a test.
struct TestFile: Hashable, Sendable, ExpressibleByStringLiteral {
  var content: FileNode.Content
  var attributes: FileAttributes

  init(
    _ text: String, _ mode: UInt32 = 0o644, owner: UInt32 = 0, xattrs: [String: [UInt8]] = [:], protection: UInt32 = 0
  ) {
    content = .file(identity: Array(text.utf8))
    attributes = FileAttributes(mode: mode, owner: owner, xattrs: xattrs, protection: protection)
  }

  init(stringLiteral text: String) { self.init(text) }

  private init(_ content: FileNode.Content, _ mode: UInt32) {
    self.content = content
    attributes = FileAttributes(mode: mode)
  }

  static func link(_ target: String) -> TestFile { TestFile(.link(target: Array(target.utf8)), 0o777) }
  static func directory(_ mode: UInt32 = 0o755) -> TestFile { TestFile(.directory([:]), mode) }
  static let fifo = TestFile(.special(type: 0o010000, device: 0), 0o600)
}

/// A tree, written as paths; the directories they are in need not be named.
typealias Tree = [FilePath: TestFile]

/// The directory /etc with this in it.
func etc(_ tree: Tree) -> FileNode {
  var root = FileNode(.directory([:]), FileAttributes(mode: 0o755))
  for (path, file) in tree.sorted(by: { $0.key.string < $1.key.string }) {
    root.set(path.components[...], FileNode(file.content, file.attributes))
  }
  return root
}

extension FileNode {
  mutating func set(_ path: FilePath.ComponentView.SubSequence, _ node: FileNode?) {
    guard let name = path.first else { return }
    var children = self.children ?? [:]
    if path.count == 1 {
      children[name] = node
    } else {
      var child = children[name] ?? FileNode(.directory([:]), FileAttributes(mode: 0o755))
      child.set(path.dropFirst(), node)
      children[name] = child
    }
    content = .directory(children)
  }

  /// The files below this directory, by path.
  var tree: Tree {
    var result: Tree = [:]
    for (name, child) in children ?? [:] {
      let path = FilePath(root: nil, [name])
      var file = TestFile("")
      file.content = child.children == nil ? child.content : .directory([:])
      file.attributes = child.attributes
      result[path] = file
      for (below, file) in child.tree { result[path.pushing(below)] = file }
    }
    return result
  }
}

extension EtcPlan {
  /// The tree after the steps. Nil if one of them cannot be carried out in its place.
  func applied(to tree: FileNode, live: FileNode, new: FileNode) -> FileNode? {
    var result = tree
    for step in steps {
      switch step {
      case .remove(let path):
        result.set(path.components[...], nil)
      case .setAttributes(let path, let attributes):
        guard var node = path.isEmpty ? result : result[path] else { return nil }
        node.attributes = attributes
        if path.isEmpty { result = node } else { result.set(path.components[...], node) }
      case .put(let path, let entry):
        guard result[path.removingLastComponent()]?.children != nil, let node = entry.node(result[path], live, new)
        else { return nil }
        result.set(path.components[...], node)
      }
    }
    return result
  }
}

extension EtcEntry {
  /// The node that replaces `present`; nil if a file would replace a directory, or has no source.
  fileprivate func node(_ present: FileNode?, _ live: FileNode, _ new: FileNode) -> FileNode? {
    if content != .directory, present?.children != nil { return nil }
    switch content {
    case .directory:
      if let present, present.children == nil { return nil }
      return FileNode(.directory(present?.children ?? [:]), attributes)
    case .copy(let side, let source):
      guard let node = (side == .live ? live : new)[source], case .file = node.content else { return nil }
      return FileNode(node.content, attributes)
    case .bytes(let bytes): return FileNode(.file(identity: bytes), attributes)
    case .link(let target): return FileNode(.link(target: target), attributes)
    case .special(let type, let device): return FileNode(.special(type: type, device: device), attributes)
    }
  }
}
