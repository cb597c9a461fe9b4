internal import SQLite

/// Package manifests: which packages a generation has. Equal sets are stored once, and each package once.
extension TreeDatabase {
  /// The manifest with exactly these packages, made if there is none. Order and repetition do not matter.
  ///
  /// Give it to a generation in the same transaction.
  public func manifest(for packages: [Package]) throws(TreeError) -> ManifestID {
    try requireWrite()
    let packages = Set(packages).sorted()
    let identifiers = try packages.map { (package) throws(TreeError) in try identifier(of: package) }.sorted()
    let hash = TreeDatabase.hash(packages)
    let candidates: [ManifestID] = try rows(
      "SELECT id FROM manifest WHERE hash = ? AND packages = ?", hash, identifiers.count
    ) { (row) throws(TreeError) in row.identifier(0) }
    for candidate in candidates {
      let members = try rows("SELECT package FROM manifest_package WHERE manifest = ? ORDER BY package", candidate) {
        (row) throws(TreeError) in row.integer(0)
      }
      if members == identifiers { return candidate }
    }
    try run("INSERT INTO manifest (hash, packages) VALUES (?, ?)", hash, identifiers.count)
    let manifest = ManifestID(Int(connection.lastInsertedRow))
    for package in identifiers {
      try run("INSERT INTO manifest_package (manifest, package) VALUES (?, ?)", manifest, package)
    }
    return manifest
  }

  /// The packages of a manifest, by name, architecture and version.
  public func packages(in manifest: ManifestID) throws(TreeError) -> [Package] {
    let packages = try rows(
      """
      SELECT name, architecture, version FROM manifest_package JOIN package ON package.id = package WHERE manifest = ?
      """, manifest
    ) { (row) throws(TreeError) in
      Package(name: row.text(0), architecture: row.text(1), version: row.text(2))
    }
    if packages.isEmpty { _ = try packageCount(in: manifest) }
    return packages.sorted()
  }

  /// The number of packages of a manifest.
  public func packageCount(in manifest: ManifestID) throws(TreeError) -> Int {
    let count = try first("SELECT packages FROM manifest WHERE id = ?", manifest) { (row) throws(TreeError) in
      Int(row.integer(0))
    }
    guard let count else { throw .unknownManifest(manifest) }
    return count
  }

  /// The nodes whose current generation has a package of this name, by number, each with its packages of that name.
  ///
  /// - Parameter architecture: only packages of this one; nil for any.
  public func nodes(
    with name: String, architecture: String?
  ) throws(TreeError) -> [(node: Node, packages: [Package])] {
    var found: [(node: Node, packages: [Package])] = []
    let condition = architecture == nil ? "" : "AND architecture = ?"
    try forEach(
      """
      SELECT node.id, node.parent, node.description, node.created, node.current, node.previous, node.next_generation,
        architecture, version FROM package
        JOIN manifest_package ON manifest_package.package = package.id
        JOIN generation ON generation.manifest = manifest_package.manifest
        JOIN node ON node.id = generation.node AND node.current = generation.number
        WHERE name = ? \(condition) ORDER BY node.id, architecture, version
      """, [name] + (architecture.map { [$0] } ?? [])
    ) { (row) throws(TreeError) in
      let package = Package(name: name, architecture: row.text(7), version: row.text(8))
      if let last = found.indices.last, found[last].node.id == row.identifier(0) {
        found[last].packages.append(package)
      } else {
        found.append((TreeDatabase.node(row), [package]))
      }
    }
    return found
  }

  /// The lowest other node than `node` whose current generation has exactly this package; nil if there is none.
  public func node(with package: Package, otherThan node: NodeID) throws(TreeError) -> NodeID? {
    try first(
      """
      SELECT min(node.id) FROM package
        JOIN manifest_package ON manifest_package.package = package.id
        JOIN generation ON generation.manifest = manifest_package.manifest
        JOIN node ON node.id = generation.node AND node.current = generation.number
        WHERE name = ? AND architecture = ? AND version = ? AND node.id <> ?
      """, package.name, package.architecture, package.version, node
    ) { (row) throws(TreeError) in row.optionalIdentifier(0) } ?? nil
  }

  /// Removes the given manifests that are no longer used by any generation, and the packages that only they had.
  func deleteUnused(_ manifests: [ManifestID]) throws(TreeError) {
    for manifest in Set(manifests) {
      guard try !exists("SELECT 1 FROM generation WHERE manifest = ?", manifest) else { continue }
      let packages = try rows("SELECT package FROM manifest_package WHERE manifest = ?", manifest) {
        (row) throws(TreeError) in row.integer(0)
      }
      try run("DELETE FROM manifest_package WHERE manifest = ?", manifest)
      try run("DELETE FROM manifest WHERE id = ?", manifest)
      for package in packages {
        try run(
          "DELETE FROM package WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM manifest_package WHERE package = ?1)",
          package)
      }
    }
  }

  private func identifier(of package: Package) throws(TreeError) -> Int64 {
    let known = try first(
      "SELECT id FROM package WHERE name = ? AND architecture = ? AND version = ?", package.name,
      package.architecture, package.version
    ) { (row) throws(TreeError) in row.integer(0) }
    if let known { return known }
    try run(
      "INSERT INTO package (name, architecture, version) VALUES (?, ?, ?)", package.name, package.architecture,
      package.version)
    return connection.lastInsertedRow
  }

  /// FNV-1a with 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/), fields separated by a byte that never occurs in
  /// UTF-8.
  private static func hash(_ packages: [Package]) -> Int64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for package in packages {
      for field in [package.name, package.architecture, package.version] {
        for byte in field.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash = (hash ^ 0xff) &* 0x100_0000_01b3
      }
    }
    return Int64(bitPattern: hash)
  }
}
