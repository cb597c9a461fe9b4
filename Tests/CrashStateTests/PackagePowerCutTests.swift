import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// Cuts the power at every flush while apt and dpkg change a node, and while `gc` deletes what they leave: according to
/// dpkg and by its files, the node has all of a change or nothing of it; no file in the package cache is incomplete; and
/// the next command recovers.
@Suite(.serialized, .requiresLoggedDisk) struct PackagePowerCutTests {
  @Test func packagesAreOldOrNewAndWhole() throws {
    let shelf = try Shelf()
    try scenario(
      "install, upgrade, remove, gc", size: 1 << 30, limit: 30, prepare: shelf.prepare, commands: shelf.commands,
      check: shelf.problems)
  }
}

/// The commands that change the packages of a node, and its packages after each.
private struct Shelf {
  /// The version of the node's packages after each command; nil for none of them.
  private static let versions: [String?] = [nil, "1.0", "2.0", nil, nil]

  private static let names = ["tool", "library"]
  private static let root = "root\n├── 0*- base snapshot\n└── 1 - work\n"

  /// Too long for btrfs to keep inline in metadata, so that the data are written separately.
  private static func contents(_ name: String, _ version: String) -> String {
    String(repeating: "\(name) \(version)\n", count: 8000)
  }

  private static func packages(_ version: String) -> [DebPackage] {
    names.map { name in
      DebPackage(
        name, version: version, fields: name == "tool" ? ["Depends": "library (= \(version))"] : [:],
        files: ["/usr/share/\(name)": DebPackage.File(contents(name, version))],
        scripts: [.postinst: "echo \(version) >/var/lib/\(name)", .postrm: "rm -f /var/lib/\(name)"])
    }
  }

  /// The archive of the second version, until a command puts it in the place of the first one.
  private let next: AptRepository

  init() throws {
    next = try AptRepository()
    // Later than the first archive, or apt would take it for the same.
    for _ in 1...3 { try next.publish(Self.packages("2.0")) }
  }

  func prepare(_ mountPoint: FilePath) throws {
    let made = try PackageStore(at: mountPoint, publishing: Self.packages("1.0"))
    try made.store.ast("clone", "0", "work").expectSuccess()
    try made.store.ast("run", "1", "sh", "-c", "echo \(made.repository.directory) >/archive").expectSuccess()
  }

  func commands(_ mountPoint: FilePath) -> [[String]] {
    let ast = "\"$1\" --store \"$2\" -y"
    let republish = """
      archive=$(cat "$2/nodes/1/2/archive")
      rm -r "$archive/dists" "$archive/pool"; cp -a "$3/dists" "$3/pool" "$archive"
      """
    return [
      "\(ast) install 1 tool", "\(republish); \(ast) upgrade 1", "\(ast) remove --purge 1 tool library",
      "find \"$2/cache\" -type f -exec touch -d '2 days ago' {} +; \(ast) gc --keep 1",
    ].map { ["sh", "-ec", $0, "sh", AstBinary.path.string, mountPoint.string, next.directory.string] }
  }

  func problems(in state: CrashState) throws -> [String] {
    let store = TestStore(existing: state.mountPoint)
    let tree = try store.ast("tree").expectSuccess().stdout
    let before = try content(of: store)
    let allowed = Self.versions[state.effective]
    guard tree == Self.root, allowed.map(Self.wanted).contains(before) else {
      return ["the node has \(before), and should have one of \(allowed)\n\(tree)"]
    }
    for command in [["tmp"], ["doctor"]] {
      let result = try store.astInTheNextBoot(command)
      guard result.status == 0, result.stdout.isEmpty || command == ["tmp"] else {
        return ["after recovery, \(command): \(result)"]
      }
    }
    let after = try content(of: store)
    return (after == before ? [] : ["recovery has changed the node: \(before) \(after)"])
      + (try brokenPackages(in: store))
  }

  /// The state of dpkg and of the files in a node with packages of this version.
  private static func wanted(_ version: String?) -> [String] {
    guard let version else { return [] }
    return names.sorted().flatMap { name in
      [
        "\(name) \(version)",
        "\(name): \(contents(name, version).utf8.count) bytes of \(version), set up as \(version)",
      ]
    }
  }

  /// The state of dpkg and of the files in the node.
  private func content(of store: TestStore) throws -> [String] {
    let script = """
      cd "$1/$(sqlite3 -readonly "$1/ast/tree.sqlite" \\
        "select 'nodes/' || id || '/' || current from node where id = 1")"
      for name in library tool; do
        dpkg-query --admindir usr/lib/sysimage/dpkg -W -f '${Package} ${Version}\\n' "$name" 2>/dev/null || :
        if [ -e "usr/share/$name" ] || [ -e "var/lib/$name" ]; then
          echo "$name: $(stat -c %s "usr/share/$name") bytes of" \\
            "$(sort -u "usr/share/$name" | cut -d ' ' -f 2), set up as $(cat "var/lib/$name")"
        fi
      done
      """
    return try runSuccessfully(["sh", "-ec", script, "sh", store.root.string]).split(separator: "\n").map(String.init)
  }

  /// The files of the package cache that are not what their names say. An incomplete one has another name.
  private func brokenPackages(in store: TestStore) throws -> [String] {
    let directory = store.root.appending("cache/apt/packages")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.string)) ?? []
    return try names.filter { !$0.hasSuffix(".new") }.filter { name in
      let sum = try runSuccessfully(["sha256sum", directory.appending(name).string]).prefix { $0 != " " }
      return name != "sha256-\(sum)"
    }.map { "\($0) is in the package cache, and is not whole" }
  }
}
