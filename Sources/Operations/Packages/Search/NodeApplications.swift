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
    path = PublishedDirectory.applications(in: root).path(of: node)
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
    try PublishedDirectory.applications(in: root).replace(of: node) { new in
      try Files.makeDirectory(new.appending(pictures))
      var (lines, left) = ([String](), mostBytesOfPictures)
      for var application in applications {
        if let icon = application.icon, left > 0, let content = try picture(icon) {
          try Files.write(content, to: new.appending(pictures).appending(icon))
          left -= content.count
        } else {
          application.icon = nil
        }
        let (id, package, icon) = (application.id, application.package, application.icon ?? "")
        lines.append([id, package, application.name, application.summary, icon].joined(separator: "\t") + "\n")
      }
      try Files.write(lines.joined().utf8, to: new.appending(list))
      try Files.sync(new.appending(list))
    }
  }

  private static let list = "applications"
  private static let pictures = "pictures"
  /// Many times what Debian has, in bytes.
  private static let largestList = 1 << 24
  private static let mostBytesOfPictures = 1 << 26
}
