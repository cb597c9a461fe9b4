import DebianFormats
import FoundationEssentials
import Host
import Sandbox
import SystemPackage

extension AptSession {
  /// Has the node's own apt verify what an apt with other programs has fetched for the same configuration, and keeps it
  /// for this node.
  ///
  /// The host compares the lists with the checksums in the signed index; apt checks its signature, with the node's keys,
  /// as if the server had said that nothing has changed. So nothing is fetched, and nothing of the other node is
  /// believed.
  ///
  /// Nor does the other node decide that the archive has nothing newer: a signed index can be an old one. One that is
  /// older than the node's own is not taken, and if the command is to ask the archive now, what is taken counts as older
  /// than that: then the node's apt asks.
  ///
  /// - Returns: whether there is something newer now.
  func verifyIndicesOfOthers(_ key: IndicesKey, in root: FilePath, _ refresh: PackageOptions.Refresh) throws -> Bool {
    guard !key.acceptsUnsigned else { return false }
    // A workspace of its own: if the apt of the node does not accept the files, nothing of them stays.
    let trial = try AptSession(for: node, in: store)
    let lists = trial.workspace.writable.appending("lists")
    let found: Date? = try cache.whileChanging {
      let own = try PackageIndices(for: key, in: cache)
      guard let others = try own.newerOfOthers(in: cache) else { return nil }
      let signed = try SignedLists(in: others.lists)
      if own.fetched != nil, try signed.isOlder(than: SignedLists(in: own.lists)) { return nil }
      try signed.copy(to: lists)
      return others.fetched
    }
    guard var fetched = found, try SignedLists(in: lists).areIntact() else { return false }
    if case .since(let moment) = refresh { fetched = min(fetched, moment - 1) }
    guard try trial.collect(trial.updateOffline(), in: root).end == .exited(0) else { return false }
    try cache.whileChanging {
      try PackageIndices(for: key, in: cache).replace(from: trial.workspace, fetched: fetched)
    }
    return true
  }

  /// The command that updates the indices as if every server had said that nothing has changed.
  func updateOffline() throws -> [String] {
    let method = workspace.given.appending("unchanged")
    try Files.write(Self.unchanged.utf8, to: method)
    try Files.setMode(method, 0o755)
    return apt("apt-get")
      + ["http", "https"].flatMap { ["-o", "Dir::Bin::Methods::\($0)=\(Self.given)/unchanged"] }
      + ["-q=1", "-o", "APT::Update::Error-Mode=any", "update"]
  }

  /// A method of apt for a server that answers for each file that it has not changed, and has no other files
  /// (doc/method.dbk in apt's sources).
  private static let unchanged = """
    #!/bin/sh
    printf '100 Capabilities\\nVersion: 1.0\\nSingle-Instance: true\\n\\n'
    while read -r line; do
      case $line in
      'URI: '*) uri=$line known= ;;
      'Filename: '*) file=$line ;;
      'Last-Modified: '*) known=$line ;;
      '')
        if [ -n "$uri" ] && [ -n "$known" ]; then
          printf '201 URI Done\\n%s\\n%s\\n%s\\nIMS-Hit: true\\n\\n' "$uri" "$file" "$known"
        elif [ -n "$uri" ]; then
          printf '400 URI Failure\\n%s\\nMessage: not among the files of the other node\\n\\n' "$uri"
        fi
        uri= ;;
      esac
    done

    """
}
