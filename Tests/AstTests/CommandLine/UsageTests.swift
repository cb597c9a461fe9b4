import TestSupport
import Testing

@Suite("Disk usage", .requiresRoot)
struct UsageTests {
  private static let piece = 4 << 20

  /// Node 1 has a piece that its branch 2 shares, and 2 has two more.
  private func store() throws -> TestStore {
    let store = try TestStore()
    try store.ast("clone", "0", "one").expectSuccess()
    try store.write("/shared", pieces: 1, in: 1)
    try store.ast("branch", "1", "zwei \u{1F427}").expectSuccess()
    try store.write("/own", pieces: 2, in: 2)
    return store
  }

  @Test func ownAndSharedAreToldApart() throws {
    let store = try store()
    let data = try store.ast("du", "--json").expectSuccess().json["data"]
    func size(_ node: Int, _ member: String) -> Int {
      if case .number(let bytes) = data["nodes"][node][member] { Int(bytes) } else { -1 }
    }
    #expect(data["nodes"].each("node") == [.number(0), .number(1), .number(2)])
    #expect(data["nodes"][1]["sharedWithParent"] == .null)
    #expect(size(1, "exclusive") < Self.piece / 8)
    #expect(size(1, "referenced") - size(0, "referenced") == Self.piece)
    #expect(size(2, "referenced") - size(1, "referenced") == 2 * Self.piece)
    #expect((0..<Self.piece / 8).contains(size(2, "exclusive") - 2 * Self.piece))
    #expect(size(2, "sharedWithParent") >= Self.piece)
    #expect(size(2, "sharedWithParent") <= size(1, "referenced"))
    #expect(data["exclusive"] == .number(Double((0...2).reduce(0) { $0 + size($1, "exclusive") })))
  }

  /// What nodes and generations share is counted once, and the file system has about as much data.
  @Test func theStoreAddsUp() throws {
    let store = try store()
    try store.ast("run", "2", "rm", "/own").expectSuccess()
    let cache = "\(store.root)/cache/apt/archives"
    let lists = "\(store.root)/ast/lists/2"
    let files =
      "head -c 5M /dev/urandom >\(cache)/file; ln \(cache)/file \(lists)/list; head -c 1M /dev/urandom >\(lists)/own"
    try runSuccessfully(["sh", "-c", "mkdir -p \(cache) \(lists); \(files); sync -f \(cache)"])
    let data = try store.ast("du", "--json").expectSuccess().json["data"]
    func bytes(_ member: String) -> Int {
      if case .number(let bytes) = data["store"][member] { Int(bytes) } else { -1 }
    }
    let (nodes, older) = (bytes("nodes"), bytes("olderGenerations"))
    let piece = Self.piece
    let base = if case .number(let bytes) = data["nodes"][0]["referenced"] { Int(bytes) } else { -1 }
    #expect((piece / 2..<piece + piece / 2).contains(nodes - base), "\(nodes)")
    #expect((2 * piece..<2 * piece + piece / 2).contains(older), "\(older)")
    // A list has two names, and its space is that of one.
    #expect((6 << 20..<7 << 20).contains(bytes("cache")) && bytes("deployments") == 0, "\(bytes("cache"))")
    #expect(bytes("total") == nodes + older + bytes("cache") + bytes("rest"))
    let lines = try store.ast("du").expectSuccess().stdout.lines
    #expect(lines.last?.hasSuffix("  the store") == true && !lines.contains { $0.hasPrefix("total") }, "\(lines)")
    #expect(try store.ast("du", "--json", "1").expectSuccess().json["data"]["store"] == .null)
  }

  @Test func tableHasOneLineForEachNodeAndATotal() throws {
    let store = try store()
    let result = try store.ast("du", "2", "1", "2").expectSuccess()
    let lines = result.stdout.lines
    #expect(lines.count == 4)
    #expect(lines[0].split(whereSeparator: \.isWhitespace) == ["NODE", "SIZE", "PARENT", "OWN", "DESCRIPTION"])
    #expect(lines[1].hasSuffix("  one"))
    #expect(lines[2].hasSuffix(" 8.0 MiB    zwei \u{1F427}"))
    #expect(lines[3].hasPrefix("total  "))
    #expect(lines[3].hasSuffix(" 8.0 MiB"))
    #expect(result.stderr == "ast: measuring node 1\nast: measuring node 2\n")
    #expect(try store.ast("-q", "du", "9").status == 3)
  }
}

extension TestStore {
  /// Writes a file of this many pieces, which cannot be shared or compressed.
  fileprivate func write(_ file: String, pieces: Int, in node: Int) throws {
    try ast("run", "\(node)", "dd", "if=/dev/urandom", "of=\(file)", "bs=4M", "count=\(pieces)", "iflag=fullblock")
      .expectSuccess()
  }
}
