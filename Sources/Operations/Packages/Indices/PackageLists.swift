import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// The lists of packages in sets of indices, as `apt-get update` keeps them.
package struct PackageLists {
  private let files: [FilePath]

  /// The lists in these sets.
  ///
  /// - Throws: if one cannot be read, or is compressed (`Acquire::GzipIndexes`).
  init(in sets: [FilePath]) throws {
    files = try sets.flatMap { set in
      let lists = set.appending("lists")
      let names = try Files.names(in: lists).filter { $0.contains("_Packages") }
      guard names.allSatisfy({ $0.hasSuffix("_Packages") }) else {
        throw AstError(.failed, "a list in \(lists) is compressed")
      }
      return names.sorted().map(lists.appending)
    }
  }

  /// The SHA256 checksums among `wanted` that belong to a package in the lists.
  func named(among wanted: Set<String>) throws -> Set<String> {
    guard !wanted.isEmpty else { return [] }
    return try files.reduce(into: []) { found, file in
      let list = try Data(contentsOf: URL(filePath: file.string), options: .alwaysMapped)
      found.formUnion(list.withUnsafeBytes { Self.named(among: wanted, in: $0) })
    }
  }

  /// The checksums among `wanted` in the text of a list.
  package static func named(among wanted: Set<String>, in list: UnsafeRawBufferPointer) -> Set<String> {
    var found: Set<String> = []
    forEachValue(of: Array("SHA256: ".utf8), in: list) { value in
      let checksum = String(decoding: value, as: UTF8.self).lowercased()
      if wanted.contains(checksum) { found.insert(checksum) }
    }
    return found
  }

  /// Calls `body` for each line that begins with a key. A list has a million lines: they do not become strings.
  private static func forEachValue(
    of key: [UInt8], in text: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void
  ) {
    guard let start = text.baseAddress else { return }
    var offset = 0
    while offset < text.count {
      let newline = memchr(start + offset, Int32(UInt8(ascii: "\n")), text.count - offset)
      let end = newline.map { UnsafeRawPointer($0) - start } ?? text.count
      if end - offset > key.count, memcmp(start + offset, key, key.count) == 0 {
        body(UnsafeRawBufferPointer(rebasing: text[(offset + key.count)..<end]))
      }
      offset = end + 1
    }
  }
}
