import DebianFormats
import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import Store
import SystemPackage

/// The applications in a node's sources, as their AppStream metadata was fetched last, for users to read: the directory
/// `ast/apps/N`, with a line for each application, and the pictures that the lines name.
struct NodeApplications {
  /// The directory.
  let path: FilePath
  private var directory: RootDirectory { RootDirectory(path) }

  /// Those of a node; nil if they were not fetched.
  init?(of node: NodeID, in root: FilePath) {
    path = Self.directory(in: root).appending("\(node)")
    guard access(path.appending(Self.list).string, F_OK) == 0 else { return nil }
  }

  /// When they were fetched.
  var fetched: Date {
    get throws {
      let status = try OpenDirectory(path).status(of: OpenDirectory.Name(Self.list) ?? OpenDirectory.itself)
      return Date(timeIntervalSince1970: Double(status?.st_mtim.tv_sec ?? 0))
    }
  }

  /// The applications.
  ///
  /// - Throws: `FileError`.
  func all() throws -> [Application] {
    guard let text = try directory.beginning(of: FilePath(Self.list), count: Self.largestList) else { return [] }
    return String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { line in
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      guard fields.count == 5 else { return nil }
      return Application(
        id: fields[0], package: fields[1], name: fields[2], summary: fields[3],
        icon: fields[4].isEmpty ? nil : fields[4])
    }
  }

  /// The path of the picture of an application; nil if it has none.
  func picture(of application: Application) -> FilePath? {
    application.icon.map { path.appending(Self.pictures).appending($0) }
  }

  /// Makes them those of a node. Users have the old ones or the new ones.
  ///
  /// - Parameters:
  ///   - applications: the applications, each with the name of a picture that `picture` has, or nil.
  ///   - picture: the content of a picture.
  static func publish(
    _ applications: [Application], of node: NodeID, in root: FilePath, picture: (String) throws -> Data?
  ) throws {
    let above = directory(in: root)
    try Files.ensureDirectory(above)
    let open = try OpenDirectory(above)
    guard let name = OpenDirectory.Name("\(node)"), let new = OpenDirectory.Name("\(node).new") else { return }
    try open.remove(new)
    let made = above.appending(new)
    try Files.makeDirectory(made)
    try Files.makeDirectory(made.appending(pictures))
    var lines: [String] = []
    for var application in applications {
      if let icon = application.icon, let content = try picture(icon) {
        try Files.write(content, to: made.appending(pictures).appending(icon))
      } else {
        application.icon = nil
      }
      let fields = [application.id, application.package, application.name, application.summary, application.icon ?? ""]
      lines.append(fields.joined(separator: "\t") + "\n")
    }
    try Files.write(lines.joined().utf8, to: made.appending(list))
    try Files.sync(made.appending(list))
    if try open.status(of: name) != nil {
      try open.exchange(name, with: new)
      try open.remove(new)
    } else {
      try Files.rename(made, to: above.appending(name))
    }
  }

  /// Removes those of nodes that are gone.
  static func removeOthers(than nodes: Set<NodeID>, in root: FilePath) throws {
    let all = directory(in: root)
    guard access(all.string, F_OK) == 0 else { return }
    let directory = try OpenDirectory(all)
    for name in try directory.names() where NodeID(name.string).map({ !nodes.contains($0) }) ?? true {
      try directory.remove(name)
    }
  }

  private static func directory(in root: FilePath) -> FilePath { root.appending("ast/apps") }

  private static let list = "applications"
  private static let pictures = "pictures"
  /// Many times what Debian has, in bytes.
  private static let largestList = 1 << 24
}
