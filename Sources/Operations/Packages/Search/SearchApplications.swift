import DebianFormats
import FoundationEssentials
import Host
import SnapshotTree
import Store
import SystemPackage

/// An application that was found.
public struct FoundApplication: Sendable {
  /// What the archive says about it.
  public let application: Application
  /// The path of its picture; nil if it has none.
  public let picture: FilePath?
}

/// `search --apps`: applications by words, in the AppStream metadata of a node's sources.
extension Store {
  /// The applications in whose name, summary, identifier or package all words are, by name. Case does not matter.
  ///
  /// - Throws: `AstError`: not found if the metadata was not fetched.
  public func searchApplications(_ words: [String], in node: NodeID) throws -> [FoundApplication] {
    guard let known = NodeApplications(of: node, in: root) else {
      throw AstError(
        .notFound, "the applications in the sources of node \(node) were not fetched yet", state: .unchanged,
        hint: "`ast search --apps` fetches them, as root")
    }
    let words = words.compactMap(SearchWord.init)
    let found = try known.all().filter { application in
      var text = [application.name, application.summary, application.id, application.package].joined(separator: "\n")
      return text.withUTF8 { text in words.allSatisfy { $0.isIn(UnsafeRawBufferPointer(text)) } }
    }
    return found.sorted { ($0.name, $0.id) < ($1.name, $1.id) }.map { application in
      FoundApplication(application: application, picture: known.picture(of: application))
    }
  }

  /// Whether the applications in a node's sources were ever fetched.
  public func hasApplications(of node: NodeID) -> Bool { NodeApplications(of: node, in: root) != nil }

  /// Whether the applications in a node's sources were fetched today.
  public func hasFreshApplications(of node: NodeID) throws -> Bool {
    guard let known = NodeApplications(of: node, in: root) else { return false }
    let age = try Date().timeIntervalSince(known.fetched)
    return age >= 0 && age < 24 * 3600
  }

  /// Fetches the AppStream metadata of a node's sources, with pictures. The node's apt verifies it; the options that ask
  /// for it are ast's, and not in the node's configuration.
  ///
  /// - Throws: `AstError`. What was fetched before stays then.
  public func fetchApplications(of id: NodeID) throws {
    let session = try AptSession(for: id, in: self)
    let root = try subvolume(of: try current(try node(id))).path
    for failure in try session.fetchIndices(of: root, options: Self.metadata) {
      warn("node \(id): the source \(failure.source) cannot be fetched: \(failure.reason)")
    }
    let names = try session.workspace.written.entries(of: "lists").filter { !$0.isDirectory }.map(\.name)
    var applications: [String: Application] = [:]
    for name in names where name.contains("_dep11_Components-") {
      for application in try session.applications(in: name) { applications[application.id] = application }
    }
    guard applications.count <= Self.mostApplications else {
      throw AstError(.failed, "the sources of node \(id) have more than \(Self.mostApplications) applications")
    }
    try session.unpackPictures(names.filter { $0.hasSuffix("_dep11_icons-64x64.tar") }, of: root)
    try NodeApplications.publish(applications.values.sorted { $0.id < $1.id }, of: id, in: self.root) { name in
      try session.picture(name)
    }
  }

  /// Thirty times what Debian has.
  fileprivate static let mostApplications = 1 << 16

  /// What apt fetches instead of lists of packages (apt.conf(5) does not say so: apt's acquire-additional-files.md does).
  private static let metadata =
    [
      "deb::Packages::DefaultEnabled=false", "deb::Translations::DefaultEnabled=false",
      "deb-src::Sources::DefaultEnabled=false",
    ].map { "Acquire::IndexTargets::\($0)" }
    + [
      ("DEP-11", "Components-$(NATIVE_ARCHITECTURE).yml"), ("DEP-11-icons", "icons-64x64.tar"),
    ].flatMap { target, file in
      [
        "MetaKey=$(COMPONENT)/dep11/\(file)", "ShortDescription=\(target)",
        "Description=$(RELEASE)/$(COMPONENT) \(target)", "KeepCompressed=false", "DefaultEnabled=true",
      ].map { "Acquire::IndexTargets::deb::\(target)::\($0)" }
    }
}

extension AptSession {
  /// The applications in a file that apt has fetched.
  fileprivate func applications(in name: String) throws -> [Application] {
    guard let file = try workspace.written.openFile(FilePath("lists").appending(name)) else { return [] }
    return try file.descriptor.closeAfter {
      guard file.size <= Self.largestMetadata else {
        throw AstError(.failed, "\(name) of node \(node) is larger than \(Self.largestMetadata >> 20) MiB")
      }
      var (reader, found) = (ApplicationReader(), [Application]())
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 1)
      defer { buffer.deallocate() }
      var kept = 0
      while true {
        let count = try file.descriptor.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[kept...]))
        var rest = UnsafeRawBufferPointer(rebasing: buffer[..<(kept + count)])[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
          if let application = reader.read(UnsafeRawBufferPointer(rebasing: rest[..<end])) { found.append(application) }
          guard found.count <= Store.mostApplications else { return found }
          rest = rest[(end + 1)...]
        }
        guard count > 0 else { break }
        // A line that is longer than the buffer is not worth more.
        kept = rest.count < buffer.count ? rest.count : 0
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest.prefix(kept)))
      }
      if let application = reader.end() { found.append(application) }
      return found
    }
  }

  /// Has the node's tar unpack the pictures where it can reach nothing else.
  fileprivate func unpackPictures(_ archives: [String], of root: FilePath) throws {
    try Files.makeDirectory(workspace.writable.appending(Self.pictures))
    for name in archives {
      let tar = [
        "tar", "--extract", "--no-same-owner", "--no-same-permissions", "--file=\(Self.inside)/lists/\(name)",
        "--directory=\(Self.inside)/\(Self.pictures)",
      ]
      _ = try output(of: tar, in: root, explaining: "the pictures of applications cannot be unpacked")
    }
  }

  /// A picture that was unpacked; nil if there is none of this name, or if it is too large.
  fileprivate func picture(_ name: String) throws -> Data? {
    guard let component = FilePath.Component(name), component.kind == .regular, component.string == name,
      name.hasSuffix(".png"),
      let data = try workspace.written.beginning(
        of: FilePath(Self.pictures).appending(component), count: Self.largestPicture + 1)
    else { return nil }
    return data.count <= Self.largestPicture ? data : nil
  }

  private static let pictures = "pictures"
  /// Many times what Debian has, in bytes.
  private static let largestMetadata: Int64 = 1 << 28
  private static let largestPicture = 1 << 18
}
