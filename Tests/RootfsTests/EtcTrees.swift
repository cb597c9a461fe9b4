import Btrfs
import Etc
import Host
import SystemPackage
import TestSupport

@testable import Rootfs

/// Three roots for a merge of /etc, snapshots of one another as those of a deployment are: each a subvolume, changed by
/// a script that runs in its /etc.
struct EtcTrees {
  let directory: FilePath

  var pristine: FilePath { directory.appending("pristine") }
  var live: FilePath { directory.appending("live") }
  var new: FilePath { directory.appending("new") }
  var staged: FilePath { directory.appending("staged") }

  init(pristine: String, live: String = "", new: String = "") throws {
    directory = try LoopBtrfs.shared.newDirectory()
    try Subvolume.create(at: self.pristine)
    try runSuccessfully(["mkdir", self.pristine.appending("etc").string])
    try Self.change(self.pristine, pristine)
    for (root, script) in [(self.live, live), (self.new, new)] {
      try Subvolume(at: self.pristine).snapshot(to: root, readOnly: false)
      try Self.change(root, script)
    }
    try Subvolume(at: self.new).snapshot(to: staged, readOnly: false)
  }

  /// Runs a script in a directory of a root; `xattr FILE NAME HEX` sets an extended attribute there.
  static func change(_ root: FilePath, _ script: String, in directory: FilePath = "etc") throws {
    let helper =
      "xattr() { python3 -c 'import os, sys; (path, name, value) = sys.argv[1:]; "
      + "os.setxattr(path, name, bytes.fromhex(value), follow_symlinks=False)' \"$@\"; }"
    try runSuccessfully(["bash", "-euc", "cd \"$1\"; \(helper)\n\(script)", "bash", root.pushing(directory).string])
  }

  /// Merges twice, because repeating it must not change anything.
  @discardableResult
  func merge(_ mode: EtcMode = .merge) throws -> EtcReport {
    let merge = try MergeEtc(from: EtcSource(root: live, pristine: pristine), generation: new, mode: mode)
    try merge.apply(to: staged)
    let once = try listing()
    try merge.apply(to: staged)
    guard try listing() == once else { throw AstError(.failed, "the second time changed something") }
    return merge.report
  }

  /// The contents of the new deployment's /etc.
  func listing() throws -> [String] { try Self.listing(of: staged.appending("etc")) }

  /// The contents of a directory: kind, permissions, owner, path, content and extended attributes.
  static func listing(of directory: FilePath) throws -> [String] {
    let output = try runSuccessfully(["python3", "-c", lister, directory.string])
    return output.split(separator: "\n").map(String.init)
  }

  private static let lister = """
    import os, stat, sys
    os.chdir(sys.argv[1])
    for base, directories, files in os.walk(b"."):
        directories.sort()
        for name in sorted(directories + files):
            path = os.path.join(base, name)
            s = os.lstat(path)
            kind = stat.filemode(s.st_mode)[0]
            what = ""
            if kind == "-": what = " " + ascii(open(path, "rb").read())[2:-1]
            if kind == "l": what = " -> " + ascii(os.readlink(path))[2:-1]
            if kind in "bc": what = " %d:%d" % (os.major(s.st_rdev), os.minor(s.st_rdev))
            for x in sorted(os.listxattr(path, follow_symlinks=False)):
                what += " %s=%s" % (x, os.getxattr(path, x, follow_symlinks=False).hex())
            print("%s%o %d:%d %s%s" % (kind, s.st_mode & 0o7777, s.st_uid, s.st_gid, ascii(path[2:])[2:-1], what))
    """
}
