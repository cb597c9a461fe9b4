import DebianFormats
import Host
import SnapshotTree
import Store

/// How one package differs between two nodes; at least one of the versions is present.
public struct PackageChange: Sendable, Equatable {
  /// The change from the first node to the second.
  public enum Kind: String, Sendable, CaseIterable {
    case added, removed, upgraded, downgraded
  }

  /// The package.
  public let name: String
  /// Its architecture.
  public let architecture: String
  /// Its version in the first node.
  public let from: String?
  /// Its version in the second node.
  public let to: String?

  /// The change from the first node to the second.
  public var kind: Kind {
    guard let from else { return .added }
    guard let to else { return .removed }
    return DebianVersion(from) < DebianVersion(to) ? .upgraded : .downgraded
  }
}

/// `list`, `which`, `diff`: the packages of nodes, from the manifests that every commit enters. No node is opened.
extension Store {
  /// The packages of a node, or of one of its generations, by name.
  public func packages(of reference: GenerationReference) throws -> [Package] {
    guard let manifest = try generation(reference).manifest else {
      throw AstError(.notFound, "node \(reference) has no dpkg in it")
    }
    return try tree.packages(in: manifest).sorted()
  }

  /// The nodes that have a package, by number, each with its versions of it; `name` may have an architecture behind a
  /// colon, as apt writes it.
  public func nodes(with name: String) throws -> [(node: Node, packages: [Package])] {
    let parts = name.split(separator: ":", maxSplits: 1).map(String.init)
    return try tree.nodes(with: parts.first ?? "", architecture: parts.count < 2 ? nil : parts[1])
  }

  /// How the packages of `second` differ from those of `first`, by name.
  public func packageChanges(from first: GenerationReference, to second: GenerationReference) throws -> [PackageChange]
  {
    let (old, new) = try tree.read { _ in (try packages(of: first), try packages(of: second)) }
    let oldVersions = Dictionary(grouping: old) { Key(name: $0.name, architecture: $0.architecture) }
    let newVersions = Dictionary(grouping: new) { Key(name: $0.name, architecture: $0.architecture) }
    return Set(oldVersions.keys).union(newVersions.keys).sorted().compactMap { key in
      let (from, to) = (oldVersions[key]?.first?.version, newVersions[key]?.first?.version)
      return from == to ? nil : PackageChange(name: key.name, architecture: key.architecture, from: from, to: to)
    }
  }
}

private struct Key: Hashable, Comparable {
  let name: String
  let architecture: String

  static func < (left: Key, right: Key) -> Bool { (left.name, left.architecture) < (right.name, right.architecture) }
}
