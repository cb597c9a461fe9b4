import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// Names of files and of directories reach apt as they are: it splits and unescapes some of them.
@Suite("Names of package files", .requiresRoot, .serialized)
struct PackageNameTests {
  private static let packages = Result { try PackageStore() }

  let node: PackageNode

  init() throws { node = try PackageNode(in: Self.packages.get()) }

  private func build(_ version: String, as name: String, in directory: FilePath) throws {
    let made = try DebPackage("named", version: version).build(in: LoopBtrfs.shared.newDirectory())
    try FileManager.default.createDirectory(atPath: directory.string, withIntermediateDirectories: true)
    try runSuccessfully(["cp", made.string, directory.appending(name).string])
  }

  @Test(arguments: [
    "named_1:2.0-1_all.deb", "a:b.deb", "a%3ab%41.deb", "a\\b.deb", "two words.deb", "größe.deb", "a*?[b].deb",
    "'q\".deb",
  ])
  func localFileIsInstalled(name: String) throws {
    let directory = try LoopBtrfs.shared.newDirectory()
    try build("1:2.0-1", as: name, in: directory.appending("b:elow"))
    let environment = plainEnvironment.merging(["AST_STORE": node.store.root.string]) { $1 }
    let words = ["install", "--no-refresh", "\(node.id)", "b:elow/\(name)"]
    let result = try run([AstBinary.path.string] + words, environment: environment, in: directory)
    #expect(result.stdout == "Node \(node.id): 1 installed, generation 2.\n", "\(result)")
    #expect(try node.added() == ["named:all 1:2.0-1"])
  }

  /// Puts a directory of packages into the node, with a list of them that has one kind of checksum.
  private func publish(_ version: String, as name: String, in place: String, checksum: String) throws {
    let directory = try LoopBtrfs.shared.newDirectory()
    try list(version, as: name, in: directory, checksum: checksum)
    let archive = try runSuccessfully(["sh", "-c", "tar -C \(directory) -c . | base64"])
    try node.store.ast(
      ["-q", "run", "\(node.id)", "sh", "-euc", "mkdir -p \"$1\"; cd \"$1\"; base64 -d | tar -x", "sh", place],
      input: archive
    ).expectSuccess()
  }

  private func list(_ version: String, as name: String, in directory: FilePath, checksum: String) throws {
    try build(version, as: name, in: directory)
    let file = directory.appending(name).string
    let sum = try runSuccessfully([checksum.lowercased().replacing("sum", with: "") + "sum", "--", file]).drop {
      $0 == "\\"
    }
    .prefix { $0 != " " }
    let size = try runSuccessfully(["stat", "--format=%s", file])
    let text = """
      Package: named
      Version: \(version)
      Architecture: all
      Maintainer: Tests <tests@example.invalid>
      Description: made for a test
      Filename: ./\(name)
      Size: \(size)\(checksum): \(sum)

      """
    try Data(text.utf8).write(to: URL(filePath: directory.appending("Packages").string))
  }

  private func setSource(_ address: String) throws {
    try node.store.ast(
      ["-q", "run", "\(node.id)", "sh", "-c", "rm -f /etc/apt/sources.list.d/*; cat >/etc/apt/sources.list"],
      input: "deb [trusted=yes] \(address) ./\n"
    ).expectSuccess()
  }

  /// The address, the directory, the name of the file, and the checksum in the index.
  private static let repositories: [[String]] = [
    ["file:/srv/two%20words", "/srv/two words", "named_1:2.0-1_all.deb", "SHA256"],
    ["file:///srv/a:b", "/srv/a:b", "a\\b.deb", "SHA512"], ["file:/srv/plain", "/srv/plain", "100%.deb", "SHA256"],
    ["copy:/srv/two%20words", "/srv/two words", "two words%41.deb", "SHA256"],
    ["copy:/srv/it's", "/srv/it's", "named.deb", "SHA512"],
    ["mirror+file:/etc/mirrors", "/srv/mirror", "named_1:2.0-1_all.deb", "SHA256"],
  ]

  @Test(arguments: repositories)
  func packageOfTheNodesOwnRepositoryIsInstalled(place: [String]) throws {
    try publish("1:2.0-1", as: place[2], in: place[1], checksum: place[3])
    try node.shell("echo file:\(place[1].replacing(" ", with: "%20").replacing("'", with: "")) >/etc/mirrors")
    try setSource(place[0])
    try node.ast("install", "named").expectSuccess()
    #expect(try node.added() == ["named:all 1:2.0-1"])
    // A new version is seen at once, in this node alone, whatever is said about fetching.
    let other = try node.clone()
    try publish("1:3.0-1", as: "new 3:0.deb", in: place[1], checksum: place[3])
    let words = place[0].hasPrefix("mirror") ? ["upgrade"] : ["upgrade", "--no-refresh"]
    try node.store.ast(words + ["\(node.id)"]).expectSuccess()
    #expect(try node.added() == ["named:all 1:3.0-1"])
    try other.ast("upgrade").expectSuccess()
    #expect(try other.added() == ["named:all 1:2.0-1"])
  }

  @Test(arguments: ["file:/srv/own", "copy:/srv/own"])
  func packageOfTheNodesOwnRepositoryIsCompared(address: String) throws {
    try publish("1", as: "named.deb", in: "/srv/own", checksum: "SHA256")
    try setSource(address)
    // A link to the file is no obstacle; a file that the index does not name is one, whatever its size.
    try node.shell("cd /srv/own; mv named.deb real; ln -s real named.deb; cp real kept")
    try node.shell("printf x | dd of=/srv/own/real bs=1 seek=200 conv=notrunc status=none")
    let before = try node.state()
    let result = try node.ast("install", "named")
    #expect(
      result.status == 1
        && result.stderr.contains("files of a source in node \(node.id) do not match the checksums in its index"),
      "\(result)")
    try node.expectUntouched(since: before)
    try node.shell("mv /srv/own/kept /srv/own/real")
    try node.ast("install", "named").expectSuccess()
  }

  @Test(arguments: ["SHA256", "SHA512", "MD5sum"])
  func checksumOfAServersIndex(checksum: String) throws {
    let directory = try LoopBtrfs.shared.newDirectory()
    let server = try HTTPServer(serving: directory)
    // All nodes share what was fetched.
    try list("2.0-\(checksum.lowercased())", as: "named_2.0_all.deb", in: directory, checksum: checksum)
    try setSource(server.uri)
    let before = try node.state()
    let result = try node.ast("install", "named")
    guard checksum == "MD5sum" else {
      #expect(result.status == 0, "\(result)")
      return #expect(try node.added() == ["named:all 2.0-\(checksum.lowercased())"])
    }
    #expect(result.status == 1 && result.stderr.contains("neither a SHA256 nor a SHA512 checksum"), "\(result)")
    try node.expectUntouched(since: before)
  }
}
