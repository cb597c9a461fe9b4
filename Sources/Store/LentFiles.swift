import DebianFormats
import FoundationEssentials
import Glibc
import Host
import Sandbox
import SystemPackage

/// The files that ast lends to a clone while programs work in it: the policy that keeps services from being started, and
/// the name servers of a run with a network.
///
/// A crash leaves them in a clone that no row refers to; before the seal, the node gets its own files back.
struct LentFiles {
  private enum Resolver {
    case none
    case file(LentFile)
    /// The node has a link into /run, as systemd-resolved(8) makes one. The file behind it is bound there.
    case behindLink(target: String)
  }

  private let root: RootDirectory
  private let policy: LentFile?
  private let hadAlternative: Bool
  private let resolver: Resolver
  private let text: String

  /// - Parameter resolver: the resolv.conf of the run; nil if it has no network.
  init(to clone: FilePath, resolver: String?) throws {
    let root = RootDirectory(clone)
    let text = resolver.map { "\($0)\(Self.remark)" } ?? ""
    (self.root, self.text) = (root, text)
    hadAlternative = try root.status(ofName: Self.policyAlternative) != nil
    policy = try Self.lend(Data(Self.policyScript.utf8), mode: 0o755, at: Sandbox.servicePolicy, in: root)
    if resolver == nil {
      self.resolver = .none
    } else if let target = try Self.linkIntoRun(in: root) {
      try root.keepingTimes(of: "/run") { try root.write(Data(text.utf8), to: Self.behindLink) }
      self.resolver = .behindLink(target: target)
    } else {
      let file = try Self.lend(Data(text.utf8), mode: 0o644, at: Self.resolverPlace, in: root)
      self.resolver = file.map(Resolver.file) ?? .none
    }
  }

  /// Makes a sandbox in the clone use the lent files in place of mounts.
  func adapt(_ sandbox: inout Sandbox) {
    guard let bind = sandbox.binds.firstIndex(where: { $0.target == Self.resolverPlace }) else { return }
    switch resolver {
    case .none: break
    case .file: sandbox.binds.remove(at: bind)
    case .behindLink:
      let file = root.path.pushing(Self.behindLink)
      sandbox.binds[bind] = Sandbox.Bind(file, at: Self.resolverPlace, isReadOnly: false)
    }
  }

  /// Gives the node its own files back, with what programs have made of them.
  func giveBack() throws {
    try policy?.giveBack()
    try settlePolicyAlternative()
    switch resolver {
    case .none: break
    case .file(let file):
      // resolvconf(8) keeps a copy.
      try file.giveBack(copiesIn: ["/etc/resolvconf/resolv.conf.d"]) { found, own in settled(found, own: own) }
    case .behindLink(let target):
      let found = try root.contents(of: Self.behindLink) ?? Data()
      try root.keepingTimes(of: "/run") { try root.removeFile(Self.behindLink) }
      if try root.destinationOfLink(Self.resolverPlace) == target {
        // What a program has written through the link would be gone with /run.
        guard found != Data(text.utf8) else { return }
        try root.write(settled(found, own: Data()), to: Self.resolverPlace)
      } else if try root.hasFile(Self.resolverPlace) {
        let made = try root.contents(of: Self.resolverPlace) ?? Data()
        // The machine's own servers may be in it, which are no reason to remove such a line anywhere else.
        let isCopy = ResolverConfiguration.isCopy(String(decoding: made, as: UTF8.self), ofLinesIn: text)
        let own = isCopy ? Data() : settled(made, own: Data())
        if own != made { try root.write(own, to: Self.resolverPlace) }
      }
    }
  }

  /// update-alternatives(1) neither makes nor removes a link where the lent policy is, which is a file.
  private func settlePolicyAlternative() throws {
    let hasAlternative = try root.status(ofName: Self.policyAlternative) != nil
    if hasAlternative, !hadAlternative, try root.status(ofName: Sandbox.servicePolicy) == nil {
      _ = try root.installLink(to: Self.policyAlternative.string, at: Sandbox.servicePolicy)
    } else if !hasAlternative,
      try root.destinationOfLink(Sandbox.servicePolicy) == Self.policyAlternative.string
    {
      try root.removeFile(Sandbox.servicePolicy)
    }
  }

  private func settled(_ found: Data, own: Data) -> Data {
    guard let found = String(validating: found, as: UTF8.self), let own = String(validating: own, as: UTF8.self) else {
      return found
    }
    let servers = UserNetwork.nameServers
    return Data(
      ResolverConfiguration.text(own: own, found: found, shown: text, inside: [servers.ipv4, servers.ipv6]).utf8)
  }

  /// The target of the node's /etc/resolv.conf if it is a link to a file in /run.
  private static func linkIntoRun(in root: RootDirectory) throws -> String? {
    // Elsewhere than in a real directory, the file would be outside of the clone.
    var run = stat()
    guard lstat(root.path.appending("run").string, &run) == 0, run.st_mode & S_IFMT == S_IFDIR else { return nil }
    guard let target = try root.destinationOfLink(resolverPlace) else { return nil }
    var place = resolverPlace.removingLastComponent().pushing(FilePath(target)).lexicallyNormalized()
    for _ in 0..<8 {
      guard let next = try root.destinationOfLink(place) else { break }
      place = place.removingLastComponent().pushing(FilePath(next)).lexicallyNormalized()
    }
    return place.starts(with: "/run") ? target : nil
  }

  private static func lend(
    _ content: Data, mode: mode_t, at place: FilePath, in root: RootDirectory
  ) throws -> LentFile? {
    do {
      return try LentFile(content, mode: mode, at: place, in: root)
    } catch let error as FileError where error.errno == .notPermitted {
      throw AstError(
        .failed, "\(place.removingLastComponent()) in the node cannot be changed", state: .unchanged,
        hint: "if lsattr(1) shows that it is immutable, run chattr(1) in `ast chroot`")
    }
  }

  /// Whether services are kept from being started in a root without a mount.
  static func havePolicy(in root: FilePath) throws -> Bool {
    try RootDirectory(root).beginning(of: Sandbox.servicePolicy, count: policyScript.utf8.count + 1)
      == Data(policyScript.utf8)
  }

  private static let resolverPlace = Sandbox.Bind.resolverConfiguration.target
  private static let policyAlternative: FilePath = "/etc/alternatives/policy-rc.d"
  private static let behindLink: FilePath = "run/.ast-resolv.conf"
  private static let remark = "# The name servers of this run. What is written to this file stays in the node.\n"
  /// policy-rc.d(8), "action forbidden by policy".
  private static let policyScript = "#!/bin/sh\n# ast: services start when the node is deployed.\nexit 101\n"
}
