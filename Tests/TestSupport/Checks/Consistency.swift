import FoundationEssentials
import Glibc
import SystemPackage

/// Checks without ast whether a store is sound and tidy: with sqlite3(1), btrfs(8) and its files.
package struct Consistency {
  private let store: TestStore
  private let rows: Rows
  private(set) var problems: [String] = []

  /// The problems of the store after a command could clean up after another one.
  package static func problems(of store: TestStore) throws -> [String] {
    var check = Consistency(store, try Rows(of: store))
    check.database()
    try check.subvolumes()
    try check.derivedFiles()
    try check.bootMenu()
    try check.leftovers()
    return check.problems
  }

  /// The output of `ast doctor`, which is empty for a sound store.
  package static func findingsOfDoctor(_ store: TestStore) throws -> [String] {
    let doctor = try store.ast("-q", "doctor")
    return doctor.status == 0 && doctor.stdout.isEmpty && doctor.stderr.isEmpty ? [] : ["doctor: \(doctor)"]
  }

  private init(_ store: TestStore, _ rows: Rows) {
    self.store = store
    self.rows = rows
  }

  private mutating func expect(_ found: Set<String>, _ wanted: Set<String>, _ what: String) {
    for name in found.subtracting(wanted).sorted() { problems.append("\(what): \(name) should not be there") }
    for name in wanted.subtracting(found).sorted() { problems.append("\(what): \(name) is missing") }
  }

  private mutating func database() {
    if rows["check"] != ["ok"] { problems.append("the database: \(rows["check"])") }
    problems += rows["running"].map { "the operation \($0) did not end" }
  }

  /// The problems on the disk: it must have exactly what the rows name.
  private mutating func subvolumes() throws {
    let bases = try subvolumesOnDisk().filter { $0.hasPrefix("bases/") }
    for base in bases where !rows["unproven"].contains(where: { base.hasPrefix("bases/\($0).") }) {
      problems.append("\(base) is the base of no deployment")
    }
    expect(
      try subvolumesOnDisk().subtracting(bases),
      Set(rows["generation"] + rows["deployment"].map { "deploy/\($0)/root" }), "subvolumes")
    expect(try names(in: store.root.appending("deploy")), Set(rows["deployment"]), "deploy")
    let directory = store.root.appending("nodes")
    let nodes = try names(in: directory)
    expect(nodes, Set(rows["node"]), "nodes")
    for node in nodes {
      let own = rows["generation"].filter { $0.hasPrefix("nodes/\(node)/") }.map {
        $0.dropFirst("nodes/\(node)/".count)
      }
      expect(try names(in: directory.appending(node)), Set(own.map(String.init)), "nodes/\(node)")
    }
  }

  private mutating func derivedFiles() throws {
    expect(try names(in: store.root.appending("ast/nodes")), Set(rows["node"].map { "\($0).json" }), "ast/nodes")
    let links = store.root.appending("rootfs")
    let found = try names(in: links).map { name in
      "\(name) -> \(try FileManager.default.destinationOfSymbolicLink(atPath: links.appending(name).string))"
    }
    expect(Set(found), Set(rows["link"]), "rootfs")
  }

  /// The problems of the boot menu: its entries must exist, and its default must be the one of the database.
  private mutating func bootMenu() throws {
    guard !rows["deployment"].isEmpty else { return }
    let menu = try MenuFiles(of: store)
    let record = try? String(contentsOfFile: store.root.appending("ast/adoption.json").string, encoding: .utf8)
    let leadsBack = record.map { !$0.contains("forgotten") } ?? false
    let wanted = Set(
      rows["bootable"].map { "ast-trial-\($0)" } + rows["deployment"].map { "ast-\($0)" }
        + (leadsBack ? ["ast-before"] : []))
    expect(Set(menu.entries), wanted, "the boot menu")
    if menu.standard != rows["default"].first { problems.append("the boot menu boots \(menu.standard ?? "nothing")") }
    let top = store.root.removingLastComponent()
    problems += menu.files.map { top.pushing($0) }.filter { !FileManager.default.fileExists(atPath: $0.string) }.map {
      "the boot menu has \($0), which is not there"
    }
    problems += menu.texts.keys.filter { !$0.hasSuffix(".cfg") && $0 != "merge.cpio" }.map {
      "\($0) was left beside the boot menu"
    }
  }

  private mutating func leftovers() throws {
    // The next start replaces what one has left that was killed while it wrote its note, and so does the next command
    // that makes the key for modules.
    let own: Set = [
      "module-key", "module-key.new", "sign-modules",
      "ran.new", "tree.sqlite", "tree.sqlite-wal", "tree.sqlite-shm", "public.sqlite", "lock", "nodes",
      "next-operation",
      "reserve", "inside",
      "log", "adoption.json", "ran", "tags.json", "lists", "apps",
    ]
    let others = try names(in: store.root.appending("ast")).subtracting(own).filter { !$0.contains(".damaged-") }
    problems += others.sorted().map { "ast/\($0) was left behind" }
    let reserve = try FileManager.default.attributesOfItem(atPath: store.root.appending("ast/reserve").string)[.size]
    if (reserve as? Int64 ?? 0) < 4 << 20 { problems.append("ast/reserve has \(reserve ?? 0) bytes") }
    let locks = Set(rows["node"].map { "node-\($0)" } + ["tree", "fetch", "share", "module-key"])
    problems += try names(in: store.root.appending("ast/lock")).subtracting(locks).sorted().map {
      "ast/lock/\($0) was left behind"
    }
    problems += try names(in: store.root.appending("cache")).subtracting(["apt"]).sorted().map {
      "cache/\($0) was left behind"
    }
    // It does not exist before the first command about packages.
    let shared = (try? names(in: store.root.appending("cache/apt"))) ?? []
    problems += shared.subtracting(["packages", "partial", "indices", "programs", "workspaces", "claims"]).sorted().map
    {
      "cache/apt/\($0) was left behind"
    }
    let claims = (try? names(in: store.root.appending("cache/apt/claims"))) ?? []
    problems += claims.sorted().map { "cache/apt/claims/\($0) was left behind" }
    let users = try StoreUsers(of: store.root)
    let deadline = ContinuousClock.now + .seconds(20)
    var found = users.found()
    // The kernel takes a moment to end the sandbox of a command that was killed.
    while !found.isEmpty, ContinuousClock.now < deadline {
      usleep(2000)
      found = users.found()
    }
    problems += found
  }

  private func subvolumesOnDisk() throws -> Set<String> {
    let place = try Place(of: store.root)
    let listed = try runSuccessfully(["btrfs", "subvolume", "list", "-o", store.root.string])
    return Set(
      listed.split(separator: "\n").map { line in
        // "ID 257 gen 9 top level 5 path nodes/0/1"
        let path = line.split(separator: " ", maxSplits: 8).last.map(String.init) ?? ""
        let inside = place.inside.isEmpty ? path : String(path.dropFirst(place.inside.count))
        return inside.hasPrefix("/") ? String(inside.dropFirst()) : inside
      })
  }

  private func names(in directory: FilePath) throws -> Set<String> {
    Set(try FileManager.default.contentsOfDirectory(atPath: directory.string))
  }
}

/// The content of a store's database, read with sqlite3(1).
private struct Rows {
  private var texts: [String: [String]] = [:]

  init(of store: TestStore) throws {
    let queries = [
      "check":
        "SELECT * FROM pragma_integrity_check UNION ALL SELECT 'dangling in ' || \"table\" FROM pragma_foreign_key_check",
      "running": "SELECT kind || ' on ' || ifnull(node, '-') FROM operation WHERE state = 'running'",
      "generation": "SELECT 'nodes/' || node || '/' || number FROM generation",
      "node": "SELECT id FROM node",
      "deployment": "SELECT id FROM deployment",
      "unproven": "SELECT id FROM deployment WHERE state <> 'good'",
      "default": "SELECT 'ast-' || deployment FROM deployment_role WHERE role = 'default'",
      "bootable": "SELECT id FROM node JOIN generation ON node = id AND number = current WHERE kernel IS NOT NULL",
      "link": "SELECT 'snapshot-' || id || ' -> ../nodes/' || id || '/' || current FROM node",
    ]
    // Read-only, because sqlite3(1) would otherwise remove the log at its end.
    let statements = queries.map { name, query in ".print =\(name)\n\(query);\n" }.joined()
    let text = try runSuccessfully(["sqlite3", "-readonly", store.database.string], input: statements)
    var name = ""
    for line in text.split(separator: "\n").map(String.init) {
      if line.hasPrefix("=") { name = String(line.dropFirst()) } else { texts[name, default: []].append(line) }
    }
  }

  subscript(_ name: String) -> [String] { texts[name] ?? [] }
}

/// The place of a directory: the device, and the path inside the file system, without slashes at its ends.
private struct Place {
  let device: String
  let inside: String

  init(of directory: FilePath) throws {
    let found = try runSuccessfully([
      "findmnt", "--noheadings", "--raw", "--output", "SOURCE,TARGET", "--target", directory.string,
    ])
    let fields = found.split(whereSeparator: \.isWhitespace).map(String.init)
    device = fields[0].split(separator: "[").first.map(String.init) ?? ""
    inside = String(directory.string.dropFirst(fields[1].count).drop { $0 == "/" })
  }
}

/// The users of a store: mounts in any namespace, and processes that name the store.
private struct StoreUsers {
  private let root: FilePath
  private let device: String
  private let nodes: String

  init(of root: FilePath) throws {
    let place = try Place(of: root)
    self.root = root
    device = place.device
    nodes = place.inside.isEmpty ? "/nodes/" : "/\(place.inside)/nodes/"
  }

  func found() -> [String] {
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    let own = namespace(of: getpid())
    return entries.compactMap { pid_t($0) }.sorted().flatMap { pid in
      (pid == getpid() || namespace(of: pid) != own ? mounts(of: pid) : []) + command(of: pid)
    }
  }

  private func namespace(of pid: pid_t) -> String {
    var name = [CChar](repeating: 0, count: 64)
    let count = readlink("/proc/\(pid)/ns/mnt", &name, name.count)
    return String(decoding: name.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// According to proc(5), the fourth field is the path inside the file system, and the source follows the type.
  private func mounts(of pid: pid_t) -> [String] {
    text(of: "/proc/\(pid)/mountinfo").split(separator: "\n").filter { line in
      let fields = line.split(separator: " ")
      return fields.count > 3 && fields[3].hasPrefix(nodes) && line.contains(" btrfs \(device) ")
    }.map { "process \(pid) has a mount: \($0)" }
  }

  private func command(of pid: pid_t) -> [String] {
    let words = text(of: "/proc/\(pid)/cmdline").split(separator: "\0")
    guard words.contains(where: { $0 == root.string || $0.hasPrefix("\(root)/") }) else { return [] }
    return ["process \(pid) is left: \(words.joined(separator: " "))"]
  }

  /// The text of a small file of /proc; empty if the process has ended.
  private func text(of path: String) -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    return String(unsafeUninitializedCapacity: 1 << 16) { max(0, read(file, $0.baseAddress, $0.count)) }
  }
}
