import SystemPackage
import TestSupport
import Testing

/// Cuts the power at every flush while `ast dedupe` makes files of sealed generations share their space: each has its
/// content at any moment, and the next command continues.
@Suite(.serialized, .requiresLoggedDisk) struct DedupePowerCutTests {
  @Test func everyFileHasItsContentAtAnyMoment() throws {
    try scenario(
      "dedupe", limit: 60, prepare: Twins.prepare,
      commands: { [[AstBinary.path.string, "--store", $0.string, "dedupe"]] }, check: Twins.problems)
  }
}

/// Two nodes that got the same package separately.
private enum Twins {
  /// Too long for btrfs to keep inline in metadata.
  private static let lines = 40_000
  private static let files = (1...20).map { "data-\($0)" }
  private static let tree = "root\n├── 0*- base snapshot\n├── 1 - clone of 0\n└── 2 - clone of 0\n"

  /// The run that writes dpkg's database comes first, so that the run that adds the files has nothing to share.
  private static let scripts = [
    """
    mkdir -p /opt /var/lib/dpkg/info
    printf '\\nPackage: new\\nStatus: install ok installed\\nArchitecture: all\\nVersion: 1\\n' >>/var/lib/dpkg/status
    """,
    """
    for file in \(files.joined(separator: " ")); do
      n=0; while [ $n -lt \(lines) ]; do echo "$file $n"; n=$((n + 1)); done >/opt/$file
      echo "\(String(repeating: "0123456789abcdef", count: 2))  opt/$file"
    done >/var/lib/dpkg/info/new.md5sums
    """,
  ]

  static func prepare(_ root: FilePath) throws {
    let store = try TestStore(at: root)
    for node in ["1", "2"] {
      try store.ast("clone", "0").expectSuccess()
      for script in scripts { try store.ast("run", node, "sh", "-euc", script).expectSuccess() }
    }
  }

  static func problems(in state: CrashState) throws -> [String] {
    let store = TestStore(existing: state.mountPoint)
    let before = try wrongFiles(in: store)
    let results = try [["tmp"], ["doctor"], ["dedupe"], ["dedupe"]].map { try store.astInTheNextBoot($0) }
    guard results.allSatisfy({ $0.status == 0 }), results[1].stdout.isEmpty, results[3].stdout == "Nothing to do.\n"
    else { return before + ["after recovery: \(results)"] }
    return try before + wrongFiles(in: store)
  }

  /// The files whose content is not what was written into them.
  private static func wrongFiles(in store: TestStore) throws -> [String] {
    guard try store.ast("tree").expectSuccess().stdout == tree else { return ["the tree is another"] }
    let script = """
      for node in 1 2; do
        for file in \(files.joined(separator: " ")); do
          seq 0 \(lines - 1) | sed "s/^/$file /" | cmp - "$1/nodes/$node/3/opt/$file" || :
        done
      done 2>&1
      """
    return try runSuccessfully(["sh", "-euc", script, "sh", store.root.string]).split(separator: "\n").map(String.init)
  }
}
