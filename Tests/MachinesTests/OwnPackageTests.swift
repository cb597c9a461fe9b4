import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

@testable import Machines

/// The package of ast, made again from what is installed; `AST_PACKAGE` names the package from `install/package`.
@Suite("Own package", .requiresRoot)
struct OwnPackageTests {
  private static let package = ProcessInfo.processInfo.environment["AST_PACKAGE"]

  private let directory: FilePath

  init() throws { directory = try LoopBtrfs.shared.newDirectory() }

  @discardableResult
  private func shell(_ script: String) throws -> String { try runSuccessfully(["sh", "-euc", script], in: directory) }

  @Test(.enabled("AST_PACKAGE does not name the package") { package != nil })
  func isThePackageThatWasInstalled() throws {
    let package = try #require(Self.package)
    // Its configuration is the administrator's, and this system has no documentation (dpkg.cfg(5)).
    try shell(
      """
      mkdir -p root/var/lib/dpkg/info root/var/lib/dpkg/updates
      touch root/var/lib/dpkg/status
      dpkg --root=root --force-depends --path-exclude='/usr/share/doc/*' --unpack \(package) >log 2>&1
      sed -i 's/install ok unpacked/install ok installed/' root/var/lib/dpkg/status
      echo '# mine' >root/etc/ast/ast.toml
      """)
    let installed = try #require(try OwnPackage(in: directory.appending("root")))
    try installed.write(to: directory.appending("again.deb"), scratch: directory.appending("scratch"))
    try shell(
      """
      for file in \(package) again.deb; do
        rm -rf content && dpkg-deb --raw-extract $file content
        rm -rf content/usr/share/doc content/DEBIAN/md5sums
        sort -o content/DEBIAN/conffiles content/DEBIAN/conffiles
        sed 's/^ .*//; s/^Installed-Size.*//' content/DEBIAN/control | sort >fields; mv fields content/DEBIAN/control
        (cd content; find . ! -type d -printf '%M %p %l\\n' | sort; find . -type f | sort | xargs sha256sum) >$(basename $file).list
      done
      diff $(basename \(package)).list again.deb.list >&2
      """)
    #expect(try PackageFile(directory.appending("again.deb")).package == "ast")
  }

  @Test func systemWithoutItHasNone() throws {
    try shell("mkdir -p root/var/lib/dpkg; touch root/var/lib/dpkg/status")
    #expect(try OwnPackage(in: directory.appending("root")) == nil)
  }

  @Test func fileWithoutAPackageIsNamed() throws {
    try shell("echo text >text.deb")
    let error = #expect(throws: (any Error).self) { try PackageFile(directory.appending("text.deb")) }
    #expect("\(String(describing: error))".contains("text.deb"))
  }
}
