/// The packages that the user removed from a node on purpose: once asked for, and no longer installed.
///
/// A file in the node has a line for each, with the number of the node. So they come and go with the content of the
/// node, and a copy of the node starts without any.
public struct DeclinedPackages: Sendable, Equatable {
  /// The file, relative to the root.
  public static let file = "usr/lib/sysimage/ast/declined"

  private var nodes: [PackageMarks.Name: Int]

  /// Reads the file's text; invalid lines are skipped.
  public init(_ text: String = "") {
    nodes = [:]
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      let parts = words.first?.split(separator: ":").map(String.init) ?? []
      guard words.count == 2, parts.count == 2, let node = Int(words[1]) else { continue }
      nodes[PackageMarks.Name(parts[0], parts[1])] = node
    }
  }

  /// The file's text.
  public var text: String { nodes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)\n" }.joined() }

  /// The packages that were removed from this node itself, not from the node it is a copy of.
  public func packages(in node: Int) -> Set<PackageMarks.Name> { Set(nodes.filter { $0.value == node }.keys) }

  /// Updates the packages after a change of the node.
  public mutating func note(from before: PackageMarks, to after: PackageMarks, in node: Int) {
    for package in before.manual where !after.hasInstalled(package) { nodes[package] = node }
    for package in nodes.keys where after.hasInstalled(package) { nodes[package] = nil }
  }
}

extension PackageMarks {
  /// Whether a package is installed, even if it has become one for all architectures, or has ceased to be one.
  fileprivate func hasInstalled(_ package: Name) -> Bool {
    guard package.architecture == "all" else {
      return installed[package] != nil || installed[Name(package.name, "all")] != nil
    }
    return installed.keys.contains { $0.name == package.name }
  }
}
