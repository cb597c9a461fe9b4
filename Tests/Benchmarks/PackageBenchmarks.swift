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

  var all: [() throws -> Comparison] {
    [
      { try look("search", ["web", "server"]) }, { try look("show", ["nginx"]) }, plan,
      { try install(["build-essential"]) },
      // With these, half of the time belongs to scripts: certificates, byte code.
      { try install(Self.set) }, follow, upgradeTree,
    ]
  }

  /// Packages by words, and one by its name, in a whole release.
  private func look(_ verb: String, _ words: [String]) throws -> Comparison {
    var look = Comparison(
      title: "\(verb) \(words.joined(separator: " "))", turns: place.options.turns(10),
      ways: [.init("chroot … apt-cache \(verb)") { _ in try timeChroot(plain, ["apt-cache", verb] + words) }])
    look.add("ast \(verb)", .wall(0.5), in: place) { ast, _ in try time(ast, [verb, "-N", "0"] + words) }
    return look
  }

  /// What apt would do.
  private func plan() throws -> Comparison {
    let node = try clone()
    var plan = Comparison(
      title: "Plan of \(Self.set.count) packages and what they need", turns: place.options.turns(10),
      ways: [
        .init("chroot … apt-get -s install") { _ in try timeChroot(plain, ["apt-get", "-s", "install"] + Self.set) }
      ])
    plan.add("ast install --simulate", .wall(1.2), in: place) { ast, _ in
      try time(ast, ["install", "--simulate", "--no-refresh", node] + Self.set)
    }
    return plan
  }

  private func install(_ set: [String]) throws -> Comparison {
    var install = Comparison(
      title: "Install \(set.joined(separator: " "))", turns: place.options.turns(5),
      ways: [
        .init("btrfs snapshot, chroot … apt-get install") { turn in
          let root = try snapshot(of: plain, "install-\(turn)")
          defer { try? root.delete() }
          return try timeChroot(root, ["apt-get", "install", "-qq", "-y"] + set)
        }
      ], before: place.settle)
    install.add("ast install", .wall(0.38), .processor(0.9), in: place) { ast, _ in
      let node = try clone()
      defer { _ = try? self.ast("del", "-y", node) }
      return try time(ast, ["install", "--no-refresh", "-y", node] + set)
    }
    return install
  }

  /// An installation of some hundred packages that another program follows.
  private func follow() throws -> Comparison {
    func install(_ ast: FilePath, _ options: [String] = []) throws -> Sample {
      let node = try clone()
      defer { _ = try? self.ast("del", "-y", node) }
      return try Stopwatch.time(
        ["sh", "-c", "\"$@\" 2>&1 >/dev/null | cat >/dev/null", "sh", ast.string, "--store", store.string, "install"]
          + options + ["--no-refresh", "-y", node, "build-essential"] + Self.set)
    }
    var follow = Comparison(
      title: "Install with a reader of the events", turns: place.options.turns(5),
      ways: [.init("ast install | cat") { _ in try install(place.ast) }], before: place.settle)
    follow.add("ast install --progress=json | cat", .processor(1.02), in: place) { ast, _ in
      try install(ast, ["--progress=json"])
    }
    return follow
  }

  /// Eight nodes whose packages are older than those of the security archive.
  private func upgradeTree() throws -> Comparison {
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

    var upgrade = Comparison(
      title: "Upgrade \(Self.branches) nodes", turns: 3,
      ways: [
        .init("btrfs snapshot, chroot … apt-get dist-upgrade, \(Self.branches) times") { turn in
          let roots = try (0..<Self.branches).map { try snapshot(of: old, "upgrade-\(turn)-\($0)") }
          defer { for root in roots { try? root.delete() } }
          let before = try used()
          // What one of them grows by is what all of them would if they shared it.
          var sample = try timeChroot(roots[0], ["apt-get", "dist-upgrade", "-qq", "-y"])
          let one = try used() - before
          for root in roots.dropFirst() {
            sample = try sample + timeChroot(root, ["apt-get", "dist-upgrade", "-qq", "-y"])
          }
          sample.grown = one
          return sample
        }
      ], before: place.settle)
    upgrade.add("ast tree-upgrade", .wall(0.2), .processor(0.3), .growth(1.3), in: place) { ast, _ in
      let tree = try place.make("--store", store.string, "clone-tree", top)
      defer { _ = try? self.ast("del", "-y", tree) }
      let before = try used()
      var sample = try time(ast, ["tree-upgrade", "--no-refresh", "-y", tree])
      sample.grown = try used() - before
      return sample
    }
    return upgrade
  }

  private func used() throws -> Int64 {
    try place.settle()
    return try FileSystem.space(of: place.disk).used
  }

  private func content(of node: String) throws -> FilePath {
    let link = store.appending("rootfs/snapshot-\(node)")
    return FilePath(try runSuccessfully(["realpath", link.string]).split(separator: "\n").joined())
  }

  private func timeChroot(_ root: Subvolume, _ command: [String]) throws -> Sample {
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

  private func time(_ program: FilePath, _ arguments: [String]) throws -> Sample {
    try Stopwatch.time([program.string, "--store", store.string] + arguments)
  }

  private func snapshot(of root: Subvolume, _ name: String) throws -> Subvolume {
    try root.snapshot(to: place.plain(name, 0), readOnly: false)
  }
}
