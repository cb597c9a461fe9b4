import Btrfs
import Glibc
import SystemPackage
import TestSupport

/// Packages from Debian's archive, with everything in the caches, against apt-get in a chroot of a snapshot.
struct PackageBenchmarks {
  /// Some fifty packages with those they need.
  private static let set = ["git", "vim", "tmux", "curl", "nginx-light", "rsync", "python3-requests", "jq"]

  private let place: Playground
  private let store: FilePath
  /// The content that both ways begin with: indices and package files where a plain apt has them.
  private let plain: Subvolume

  /// Makes a store with a minimal Debian, and fills the caches of both ways.
  init(_ place: Playground) throws {
    self.place = place
    store = place.disk.appending("packages")
    guard mkdir(store.string, 0o755) == 0 else { throw Errno(rawValue: errno) }
    try place.run("--store", store.string, "init", "--tarball", try DebianRoot.archive(of: "trixie").string)
    plain = try Subvolume(at: store.appending("nodes/0/1")).snapshot(to: place.plain("apt", 0), readOnly: false)
    try runSuccessfully(["cp", "/etc/resolv.conf", plain.path.appending("etc/resolv.conf").string])
    try chroot(plain, ["apt-get", "update", "-qq"])
    for set in [Self.set, ["build-essential"]] {
      try chroot(plain, ["apt-get", "install", "-qq", "-y", "--download-only"] + set)
      try ast(["install", "-y", clone()] + set)
    }
  }

  func run() throws {
    try search()
    try plan()
    try install(["build-essential"])
    // With these, half of the time belongs to scripts: certificates, byte code.
    try install(Self.set)
    try upgradeTree()
  }

  /// Packages by words, and one by its name, in a whole release.
  private func search() throws {
    for (verb, words) in [("search", ["web", "server"]), ("show", ["nginx"])] {
      try Comparison(
        title: "\(verb) \(words.joined(separator: " "))", turns: 10,
        ways: [
          .init("chroot … apt-cache \(verb)") { _ in try timeChroot(plain, ["apt-cache", verb] + words) },
          .init("ast \(verb)", target: 0.5) { _ in try time([verb, "-N", "0"] + words) },
        ]
      ).print()
    }
  }

  /// What apt would do.
  private func plan() throws {
    let node = try clone()
    try Comparison(
      title: "Plan of \(Self.set.count) packages and what they need", turns: 10,
      ways: [
        .init("chroot … apt-get -s install") { _ in try timeChroot(plain, ["apt-get", "-s", "install"] + Self.set) },
        .init("ast install --simulate", target: 1.2) { _ in
          try time(["install", "--simulate", "--no-refresh", node] + Self.set)
        },
      ]
    ).print()
  }

  private func install(_ set: [String]) throws {
    try Comparison(
      title: "Install \(set.joined(separator: " ")) and what they need", turns: 5,
      ways: [
        .init("btrfs snapshot, chroot … apt-get install") { turn in
          let root = try snapshot(of: plain, "install-\(turn)")
          defer { try? root.delete() }
          return try timeChroot(root, ["apt-get", "install", "-qq", "-y"] + set)
        },
        .init("ast install", target: 0.55) { _ in
          let node = try clone()
          defer { _ = try? ast("del", "-y", node) }
          return try time(["install", "--no-refresh", "-y", node] + set)
        },
      ], before: place.settle
    ).print()
  }

  /// Eight nodes whose packages are older than those of the security archive.
  private func upgradeTree() throws {
    let top = try clone()
    let sources = "/etc/apt/sources.list"
    try ast("run", top, "--", "sh", "-c", "cp \(sources) /all; grep -v security /all >\(sources)")
    try install(in: top)
    try ast("run", top, "--", "mv", "/all", sources)
    for _ in 1..<Self.branches { try ast("branch", top) }
    let old = try Subvolume(at: content(of: top)).snapshot(to: place.plain("old", 0), readOnly: false)
    try chroot(old, ["apt-get", "update", "-qq"])
    try chroot(old, ["apt-get", "dist-upgrade", "-qq", "-y", "--download-only"])
    // The files of the upgrade come into the cache.
    let warm = try place.make("--store", store.string, "clone", top)
    try ast("upgrade", "-y", warm)

    var growth: [(one: Int64, tree: Int64)] = []
    var one: Int64 = 0
    try Comparison(
      title: "Upgrade \(Self.branches) nodes", turns: 3,
      ways: [
        .init("btrfs snapshot, chroot … apt-get dist-upgrade, \(Self.branches) times") { turn in
          let roots = try (0..<Self.branches).map { try snapshot(of: old, "upgrade-\(turn)-\($0)") }
          defer { for root in roots { try? root.delete() } }
          let before = try used()
          return try roots.enumerated().reduce(.zero) { time, root in
            let sum = try time + timeChroot(root.element, ["apt-get", "dist-upgrade", "-qq", "-y"])
            if root.offset == 0 { one = try used() - before }
            return sum
          }
        },
        .init("ast tree-upgrade", target: 0.4) { _ in
          let tree = try place.make("--store", store.string, "clone-tree", top)
          defer { _ = try? ast("del", "-y", tree) }
          let before = try used()
          let time = try time(["tree-upgrade", "--no-refresh", "-y", tree])
          growth.append((one, try used() - before))
          return time
        },
      ], before: place.settle
    ).print()
    let ratios = growth.map { Double($0.tree) / Double($0.one) }
    say("  disk growth against that of one by hand: × \(ratios.median.text), target 1.30")
  }

  private func used() throws -> Int64 {
    try place.settle()
    return try FileSystem.space(of: place.disk).used
  }

  private func content(of node: String) throws -> FilePath {
    let link = store.appending("rootfs/snapshot-\(node)")
    return FilePath(try runSuccessfully(["realpath", link.string]).split(separator: "\n").joined())
  }

  private func timeChroot(_ root: Subvolume, _ command: [String]) throws -> Duration {
    try runSuccessfully(["mount", "-t", "proc", "proc", root.path.appending("proc").string])
    defer { _ = try? TestSupport.run(["umount", root.path.appending("proc").string]) }
    return try Stopwatch.time(["chroot", root.path.string, "env", "DEBIAN_FRONTEND=noninteractive"] + command)
  }

  private func chroot(_ root: Subvolume, _ command: [String]) throws { _ = try timeChroot(root, command) }

  private static let branches = 8

  private func install(in node: String) throws {
    try ast(["install", "-y", node] + Self.set)
  }

  private func clone() throws -> String { try place.make("--store", store.string, "clone", "0") }

  @discardableResult
  private func ast(_ arguments: String...) throws -> String { try ast(arguments) }

  @discardableResult
  private func ast(_ arguments: [String]) throws -> String {
    try runSuccessfully([place.ast.string, "--store", store.string] + arguments)
  }

  private func time(_ arguments: [String]) throws -> Duration {
    try Stopwatch.time([place.ast.string, "--store", store.string] + arguments)
  }

  private func snapshot(of root: Subvolume, _ name: String) throws -> Subvolume {
    try root.snapshot(to: place.plain(name, 0), readOnly: false)
  }
}
