import FoundationEssentials
import SnapshotTree
import SystemPackage
import TestSupport

/// What a start reported.
struct StartResult: Equatable {
  var status: Int32
  var sentences: [String] = []
  var failure: String?
}

/// The start of a deployment, as far as /etc is concerned.
extension BootDisk {
  /// The /etc of a deployment.
  func etc(of deployment: Int) -> FilePath { root(of: deployment).appending("etc") }

  /// Does what the first program of a start does: notes what runs, and has /etc brought up to date.
  @discardableResult
  func start(_ deployment: Int, environment: [String: String] = [:]) throws -> StartResult {
    let ran = store.root.appending("ast/ran").string
    let note = Dictionary(
      try self.ran.split(separator: "\n").map { line in
        let parts = line.split(separator: "=")
        return (parts[0], parts[1])
      }
    ) { $1 }
    let from = (note["from"] ?? note["ran"]).flatMap { $0 == "\(deployment)" ? nil : $0 }
    let text = "ran=\(deployment)\n\(from.map { "from=\($0)\n" } ?? "")"
    // On a full disk it goes on without.
    do { try text.write(toFile: ran, atomically: true, encoding: .utf8) } catch let error as CocoaError
      where error.code == .fileWriteOutOfSpace
    {}
    let script = """
      mount -t tmpfs none /run
      if [ -e /dev/kmsg ]; then mount --bind /dev/null /dev/kmsg; fi
      status=0
      "$0" --store "$1" boot-etc "$2" >/dev/null || status=$?
      cat /run/ast/start.json || :
      exit $status
      """
    let result = try run(
      ["unshare", "--mount", "sh", "-c", script, AstBinary.path.string, store.root.string, "\(deployment)"],
      environment: plainEnvironment.merging(environment) { $1 })
    let report = try? JSONDecoder().decode(Report.self, from: Data(result.stdout.utf8))
    return StartResult(status: result.status ?? 137, sentences: report?.sentences ?? [], failure: report?.failure)
  }

  private struct Report: Decodable {
    let sentences: [String]
    let failure: String?
  }

  /// The note of what ran last.
  var ran: String {
    get throws {
      let note = store.root.appending("ast/ran").string
      return FileManager.default.fileExists(atPath: note) ? try String(contentsOfFile: note, encoding: .utf8) : ""
    }
  }

  /// The names of the bases of later merges.
  var bases: [String] {
    get throws {
      let directory = store.root.appending("bases").string
      return FileManager.default.fileExists(atPath: directory)
        ? try FileManager.default.contentsOfDirectory(atPath: directory).sorted() : []
    }
  }

  /// Records that a deployment has come up, as the machine does.
  func markGood(_ deployment: Int) throws {
    for base in try bases where base.hasPrefix("\(deployment).") {
      try runSuccessfully(["btrfs", "-q", "subvolume", "delete", store.root.appending("bases/\(base)").string])
    }
    let tree = try TreeDatabase(opening: store.database, .writing)
    try tree.write { try $0.setState(.good, of: DeploymentID(deployment)) }
  }

  func read(_ file: String, of deployment: Int) throws -> String {
    try String(contentsOfFile: etc(of: deployment).appending(file).string, encoding: .utf8)
  }

  func lines(of file: String, in deployment: Int) throws -> [String] {
    try read(file, of: deployment).split(separator: "\n").map(String.init)
  }

  /// A checksum of a deployment's /etc, without the files of ast.
  func contents(of deployment: Int) throws -> String {
    let script = """
      cd "$0" && { find . -path ./.ast -prune -o -printf '%y %m %U:%G %l %P\n' | grep -v ' .ast$' | LC_ALL=C sort
      find . -path ./.ast -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum; } | sha256sum
      """
    return try runSuccessfully(["sh", "-c", script, etc(of: deployment).string])
  }

  /// All that programs see of a directory, except the files of ast.
  func listing(of directory: FilePath) throws -> String {
    let script = """
      cd "$0"
      find . -path ./.ast -prune -o -printf '%P %y %m %U:%G %l %n %s %T@\\n' | grep -v '^ d' | LC_ALL=C sort
      python3 -c 'import os; print([(n, os.getxattr("one", n)) for n in sorted(os.listxattr("one"))])'
      lsattr -R . 2>/dev/null | LC_ALL=C sort
      find . -path ./.ast -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
      [ "$(stat -c %i sub)" = 256 ]
      """
    return try runSuccessfully(["sh", "-ec", script, directory.string])
  }
}
