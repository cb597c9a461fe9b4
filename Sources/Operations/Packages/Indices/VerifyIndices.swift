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
  /// - Returns: whether there is something newer now.
  func verifyIndicesOfOthers(_ key: IndicesKey, in root: FilePath) throws -> Bool {
    guard !key.acceptsUnsigned else { return false }
    // A workspace of its own: if the apt of the node does not accept the files, nothing of them stays.
    let trial = try AptSession(for: node, in: store)
    let lists = trial.workspace.writable.appending("lists")
    let fetched: Date? = try cache.whileChanging {
      guard let others = try PackageIndices(for: key, in: cache).newerOfOthers(in: cache) else { return nil }
      try SignedLists(in: others.lists).copy(to: lists)
      return others.fetched
    }
    guard let fetched, try SignedLists(in: lists).areIntact() else { return false }
    let method = trial.workspace.given.appending("unchanged")
    try Files.write(Self.unchanged.utf8, to: method)
    try Files.setMode(method, 0o755)
    let command =
      trial.apt("apt-get") + ["http", "https"].flatMap { ["-o", "Dir::Bin::Methods::\($0)=\(Self.given)/unchanged"] }
      + ["-o", "APT::Update::Error-Mode=any", "update"]
    guard try trial.collect(command, in: root).end == .exited(0) else { return false }
    try cache.whileChanging {
      try PackageIndices(for: key, in: cache).replace(from: trial.workspace, fetched: fetched)
    }
    return true
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
