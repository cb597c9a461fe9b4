import Btrfs
import DebianFormats
import FoundationEssentials
import Glibc
import Host
import Rootfs
import SnapshotTree
import Store
import SystemPackage

/// `init`: makes a store and fills node 0 with a real Debian.
extension Store {
  /// Makes a store at `root` and commits `source` as the base. After an interruption it can be run again: it uses what
  /// was made before, and removes what was staged.
  ///
  /// - Parameters:
  ///   - reader: reads the settings of the machine and of its nodes.
  ///   - progress: gets a line for each step.
  ///   - report: called with what the work on the store comes to.
  ///   - warn: called with what could not be finished, and what should be set.
  ///   - customize: changes the unpacked root, whose path it gets, before it becomes the base.
  /// - Throws: `AstError`; refused if the store has a base already.
  public static func initialize(
    at root: FilePath, from source: BaseSource, command: String, reader: SettingsReader, messages: FileDescriptor,
    progress: (String) -> Void, report: @escaping @Sendable (StoreEvent) -> Void = { _ in },
    warn: @escaping (String) -> Void,
    customize: (Store, FilePath) throws -> Void = { _, _ in }
  ) throws -> Store {
    let isNew = access(root.string, F_OK) != 0 && errno == ENOENT
    let parent = root.removingLastComponent()
    try requireWritable(!isNew ? root : parent.isEmpty ? "." : parent)
    if !isNew { try requireNothingElse(in: root) }
    if !exists(at: root) { try source.requireReadable() }
    if isNew { try makeDirectory(root.lastComponent?.string ?? "", in: parent) }
    try makeLayout(in: root)
    let store = try Store(opening: root, .writing, command: command, reader: reader, report: report, warn: warn)
    if try store.tree.node(.base) != nil {
      throw AstError(.refused, "there is a store at \(root) already", state: .unchanged, hint: "`ast tree` shows it")
    }
    try source.requireReadable()
    try store.makeBase(from: source, messages: messages, progress: progress, customize: customize)
    return store
  }

  /// Makes sure that `root` is empty, was left by an interrupted `init`, or is a store with its database, which is made
  /// before anything in `nodes`.
  private static func requireNothingElse(in root: FilePath) throws {
    let names = try Files.names(in: root)
    guard Set(names).isSubset(of: ["nodes", "rootfs", "deploy", "cache", "ast"]) || exists(at: root) else {
      throw AstError(
        .refused, "\(root) is not empty and is not a store", state: .unchanged, hint: "name an empty directory")
    }
    let nodes = (try? Files.names(in: root.appending("nodes"))) ?? []
    guard nodes.isEmpty || access(databasePath(in: root).string, F_OK) == 0 else {
      throw AstError(
        .damaged, "there is a store at \(root) whose database is missing", state: .unchanged,
        hint: AstError.rebuildHint)
    }
  }

  private static func makeLayout(in root: FilePath) throws {
    // Old generations have old setuid programs: only root may enter, in case the file system is not mounted nosuid.
    for directory in ["nodes", "cache"] { try makePrivateDirectory(directory, in: root) }
    for directory in ["deploy", "ast"] { try makeDirectory(directory, in: root) }
    try makeDerivedDirectories(in: root)
    guard let lock = try Lock.take("tree", in: root.appending("ast/lock"), wait: .seconds(60)) else {
      throw AstError(.busy, "another ast command works on \(root)", state: .unchanged)
    }
    defer { withExtendedLifetime(lock) {} }
    Interruption.holdBack()
    guard access(databasePath(in: root).string, F_OK) != 0 else { return }
    try removeUnfinishedDatabases(in: root)
    try TreeDatabase.create(at: databasePath(in: root))
    failPoint("database made")
  }

  private func makeBase(
    from source: BaseSource, messages: FileDescriptor, progress: (String) -> Void,
    customize: (Store, FilePath) throws -> Void
  ) throws {
    let lock = try lock(.base)
    defer { withExtendedLifetime(lock) {} }
    let first = GenerationNumber(1)
    let operation = try change(holding: [.base]) { try intend("init", on: .base, from: nil, to: first) }
    failPoint("intent entered")
    do {
      try Files.ensureDirectory(directory(of: .base))
      let staged = try stage(source, at: staging(of: .base, operation))
      failPoint("staged")
      try fill(staged.path, from: source, messages: messages, progress: progress)
      try customize(self, staged.path)
      progress("moving the package state to /\(PackageState.sysimage)")
      var relocation = RelocatePackageState(in: staged.path)
      try relocation.run()
      failPoint("filled")
      let accounts = try RootAccounts(in: staged.path)
      try Interruption.check()
      try staged.setReadOnly(true)
      let final = path(of: .base, first)
      try Files.rename(staged.path, to: final)
      failPoint("renamed")
      try FileSystem.sync(root)
      failPoint("sealed")
      try commitBase(
        try SealedSnapshot(Subvolume(at: final), boot: bootFilesToTry(in: final, of: .base, named: final)), accounts,
        operation)
    } catch let error as TreeError where error.isOutcomeUnknown {
      throw error
    } catch {
      let failure = AstError(error).ending(operation)
      try discardStaging(of: .base, operation, first)
      try change(holding: [.base], own: operation) {
        try tree.finish(operation, .failed, message: failure.message)
      }
      throw failure
    }
  }

  private func commitBase(_ sealed: SealedSnapshot, _ accounts: RootAccounts, _ operation: OperationID) throws {
    let now = Date()
    let first = GenerationNumber(1)
    try change(holding: [.base], own: operation) {
      let id = NodeID.base
      let node = Node(
        id: id, parent: nil, description: "base snapshot", created: now, current: first, previous: nil,
        nextGeneration: GenerationNumber(2))
      try tree.insert(
        node,
        Generation(
          node: id, number: first, subvolume: sealed.identity, created: now, operation: operation,
          manifest: try sealed.packages.map(tree.manifest(for:)), size: sealed.size, boot: sealed.boot))
      try tree.claimAccounts(of: accounts)
      try tree.setDefaultNode(id)
      try tree.finish(operation, .done)
    }
  }
}

extension Store {
  private func stage(_ source: BaseSource, at path: FilePath) throws -> Subvolume {
    guard case .snapshot(let subvolume) = source else { return try Subvolume.create(at: path) }
    return try Subvolume(at: subvolume).snapshot(to: path, readOnly: false)
  }

  private func fill(
    _ root: FilePath, from source: BaseSource, messages: FileDescriptor, progress: (String) -> Void
  ) throws {
    switch source {
    case .bootstrap(let suite, let variant, let mirror, let include, let aptOptions):
      let tarball = self.root.appending("cache/bootstrap.tar")
      defer { unlink(tarball.string) }
      progress("making a Debian \(suite) (\(variant)) with mmdebstrap")
      try bootstrap(
        suite: suite, variant: variant, mirror: mirror, include: include, aptOptions: aptOptions, to: tarball,
        messages: messages)
      failPoint("bootstrapped")
      try unpack(tarball, into: root)
    case .tarball(let tarball):
      progress("unpacking \(tarball)")
      try unpack(tarball, into: root)
    case .directory(let directory):
      progress("copying \(directory)")
      try CopyRoot(of: directory).run(to: root)
    case .snapshot(let subvolume):
      progress("snapshot of \(subvolume) made")
      // Its /var may be on another file system, and was looked at there.
      return
    }
    guard try PackageDatabase.installed(in: root) != nil else {
      throw AstError(.refused, "the source for the base contains no dpkg database: it is not a Debian root file system")
    }
  }

  private func unpack(_ tarball: FilePath, into root: FilePath) throws {
    try ChildProcess(
      "tar",
      [
        // tar(1) takes a name with a colon for a remote file; --force-local prevents that.
        "--extract", "--force-local", "--file", tarball.string, "--directory", root.string, "--numeric-owner",
        "--preserve-permissions", "--same-owner", "--acls", "--xattrs", "--xattrs-include=*", "--warning=no-timestamp",
      ]
    ).run()
  }

  private func bootstrap(
    suite: String, variant: String, mirror: String?, include: [String], aptOptions: [AptOption], to tarball: FilePath,
    messages: FileDescriptor
  ) throws {
    let sources: [String] =
      if let mirror {
        DebianMirror(archive: mirror).sourcesList(suite: suite).prefix(1).map(\.self)
      } else {
        try DebianMirror.ofThisMachine()?.sourcesList(suite: suite) ?? []
      }
    var arguments = ["--format=tar", "--variant=\(variant == "minimal" ? "minbase" : variant)"]
    // mmdebstrap copies this machine's name and name servers into the new system, which has its own, and leaves the
    // options for apt there.
    arguments.append(
      "--customize-hook=cd \"$1/etc\" && rm -f hostname resolv.conf apt/apt.conf.d/99mmdebstrap && : >resolv.conf")
    arguments += aptOptions.map { "--aptopt=\($0.line)" }
    if !include.isEmpty { arguments.append("--include=\(include.joined(separator: ","))") }
    try ChildProcess("mmdebstrap", arguments + ["--", suite, tarball.string] + sources).run(showing: messages)
  }
}
