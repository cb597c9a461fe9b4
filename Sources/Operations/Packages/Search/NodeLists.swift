import DebianFormats
import Glibc
import Host
import SnapshotTree
import Store
import SystemPackage

/// The lists of packages of a node's sources, as they were fetched last: those that users may read.
///
/// The cache of packages is closed to users, because a node's programs write in it. So there is a directory for each node,
/// `ast/lists/N`, with a second name for each list of the node.
struct NodeLists {
  /// The directory with the lists.
  let directory: RootDirectory
  private let names: [String]

  /// The lists of a node; nil if there are none.
  init?(of node: NodeID, in root: FilePath) throws {
    let path = PublishedDirectory.lists(in: root).path(of: node)
    guard access(path.string, F_OK) == 0 else { return nil }
    directory = RootDirectory(path)
    names = try directory.entries(of: "/").filter { !$0.isDirectory }.map(\.name)
    guard !names.isEmpty else { return nil }
  }

  /// The lists of packages.
  var packages: [String] { names.filter { $0.hasSuffix("_Packages") } }

  /// The lists of descriptions.
  var descriptions: [String] { names.filter { $0.contains("_Translation-") && !ListPlaces.isName($0) } }

  /// A list of packages or descriptions.
  func file(_ name: String) -> ListFile { ListFile(name, in: directory) }

  /// The archive that a list of packages is from, as its index says, and the component; nil if there is no index.
  func origin(of list: String) throws -> (origin: PackageOrigin, component: String)? {
    let index = names.filter { name in
      ["InRelease", "Release"].contains { name.hasSuffix("_\($0)") && list.hasPrefix(name.dropLast($0.count)) }
    }.max { $0.count < $1.count }
    guard let index, let text = try directory.beginning(of: FilePath(index), count: Self.beginning) else { return nil }
    let rest = list.dropFirst(index.count - (index.hasSuffix("_InRelease") ? 9 : 7))
    return (PackageOrigin(release: text), rest.split(separator: "_").first.map(String.init) ?? "")
  }

  /// What is read of an index: the fields come before the checksums.
  private static let beginning = 1 << 16

  /// Makes the lists of a node those of a set of indices in the cache, which holds them under other names too.
  static func publish(_ indices: PackageIndices, of node: NodeID, in root: FilePath) throws {
    let (lists, places) = (indices.lists, indices.places)
    let directories = PublishedDirectory.lists(in: root)
    let names = try Files.names(in: lists).filter(isPublished)
    guard try !isSame(names, lists, directories.path(of: node)) else { return }
    try makePlaces(of: names.filter(hasPlaces), in: lists, places)
    let all = names.map(lists.appending) + names.filter(hasPlaces).map { places.appending(ListPlaces.name(for: $0)) }
    try directories.replace(of: node) { new in
      for file in all {
        try Files.setMode(file, 0o644)
        guard let name = file.lastComponent, link(file.string, new.appending(name).string) == 0 else {
          throw FileError("make a link to", file, Errno(rawValue: errno))
        }
      }
    }
  }

  private static func isPublished(_ name: String) -> Bool {
    name.hasSuffix("_Packages") || name.contains("_Translation-") || name.hasSuffix("Release")
  }

  private static func hasPlaces(_ name: String) -> Bool { !name.hasSuffix("Release") }

  /// Makes the places of lists that have none yet.
  private static func makePlaces(of names: [String], in lists: FilePath, _ places: FilePath) throws {
    try Files.ensureDirectory(places)
    for name in names {
      let file = places.appending(ListPlaces.name(for: name))
      guard access(file.string, F_OK) != 0 else { continue }
      let isOfPackages = name.hasSuffix("_Packages")
      let data = try ListPlaces.data(of: ListFile(name, in: RootDirectory(lists))) { entry in
        isOfPackages ? entry.package : entry.digest
      }
      let new = places.appending("new")
      try Files.removeFileIfPresent(new)
      try Files.write(data, to: new)
      try Files.rename(new, to: file)
    }
  }

  private static func isSame(_ names: [String], _ lists: FilePath, _ place: FilePath) throws -> Bool {
    guard access(place.string, F_OK) == 0,
      try Set(Files.names(in: place)) == Set(names + names.filter(hasPlaces).map(ListPlaces.name))
    else { return false }
    return names.allSatisfy { name in
      var (one, other) = (stat(), stat())
      return stat(lists.appending(name).string, &one) == 0 && stat(place.appending(name).string, &other) == 0
        && one.st_ino == other.st_ino
    }
  }
}
