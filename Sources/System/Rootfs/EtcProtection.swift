import Etc
import FileTrees
import Host
import SystemPackage

/// Which files of an /etc chattr(1) protects from changes, before and after a merge.
struct EtcProtection {
  private var before: [FilePath: UInt32] = [:]
  private var after: [FilePath: UInt32] = [:]

  /// - Parameters:
  ///   - new: the new side's /etc.
  ///   - steps: the steps from it to the merged one.
  init(of new: FileNode, _ steps: [EtcStep] = []) {
    note(new, at: "")
    after = before
    for step in steps {
      switch step {
      case .remove(let path): forget(path)
      case .setAttributes(let path, let attributes): set(attributes, at: path)
      case .put(let path, let entry):
        if entry.content != .directory { forget(path) }
        set(entry.attributes, at: path)
      }
    }
  }

  private mutating func note(_ node: FileNode, at path: FilePath) {
    if node.attributes.protection != 0 { before[path] = node.attributes.protection }
    for (name, child) in node.children ?? [:] { note(child, at: path.appending(name)) }
  }

  private mutating func forget(_ path: FilePath) {
    guard !after.isEmpty else { return }
    after = after.filter { !$0.key.starts(with: path) }
  }

  private mutating func set(_ attributes: FileAttributes, at path: FilePath) {
    // What was protected before is named with what it is now.
    guard attributes.protection != 0 || before[path] != nil else { return }
    after[path] = attributes.protection
  }

  /// Takes the protection away, so that all files can be changed.
  func lift(in etc: OpenDirectory) throws {
    for path in before.keys.sorted(by: { $0.components.count < $1.components.count }) {
      try protect(path, 0, in: etc)
    }
  }

  /// Protects the merged files.
  func restore(in etc: OpenDirectory) throws {
    for (path, protection) in after.sorted(by: { $0.key.components.count > $1.key.components.count }) {
      try protect(path, protection, in: etc)
    }
  }

  private func protect(_ path: FilePath, _ protection: UInt32, in etc: OpenDirectory) throws {
    let directory = try etc.directory(at: path.removingLastComponent())
    try directory?.protect(path.lastComponent ?? OpenDirectory.itself, protection)
  }
}
