import SystemPackage
import TestSupport
import Testing

/// Packages whose state ast keeps in /usr/lib/sysimage: they come, go, and come back as in any Debian.
@Suite("State of packages", .requiresRoot, .serialized)
struct PackageStateTests {
  /// As those of Python do: the last script removes the directory, or fails.
  private static let python = DebPackage(
    "python-like",
    scripts: [
      .postinst: "mkdir -p /var/lib/python; touch /var/lib/python/installed",
      .postrm: "if [ \"$1\" = remove ]; then rm /var/lib/python/installed; rmdir /var/lib/python; fi",
    ])
  /// As ucf does: the directory belongs to the package, and its content to the scripts.
  private static let ucf = DebPackage(
    "ucf-like", files: ["/var/lib/ucf/list": "one\n"],
    scripts: [
      .postinst: "test ! -e /var/lib/ucf/hashes || touch /var/lib/ucf/known; echo hash >/var/lib/ucf/hashes",
      .postrm: "if [ \"$1\" = purge ]; then rm /var/lib/ucf/hashes; fi",
    ])

  private static let packages = Result { try PackageStore(publishing: [python, ucf]) }

  private let node: PackageNode

  init() throws { node = try PackageNode(in: Self.packages.get()) }

  /// What the home of a state has, after the link to it.
  private func state(_ name: String) throws -> [String] {
    try runSuccessfully(
      ["sh", "-euc", "readlink var/lib/\(name); ls -A usr/lib/sysimage/\(name)"], in: node.content
    ).split(separator: "\n").map(String.init)
  }

  @Test func directoryIsRemovedAndMadeAgain() throws {
    let link = try state("python")
    #expect(link == ["../../usr/lib/sysimage/python"])
    for _ in 1...2 {
      try node.ast("install", "python-like").expectSuccess()
      #expect(try state("python") == link + ["installed"])
      try node.ast("remove", "--purge", "python-like").expectSuccess()
      #expect(try state("python") == link)
    }
  }

  @Test func stateStaysUntilThePackageIsPurged() throws {
    let link = ["../../usr/lib/sysimage/ucf"]
    try node.ast("install", "ucf-like").expectSuccess()
    #expect(try state("ucf") == link + ["hashes", "list"])
    try node.ast("remove", "ucf-like").expectSuccess()
    #expect(try state("ucf") == link + ["hashes"])
    try node.ast("install", "ucf-like").expectSuccess()
    #expect(try state("ucf") == link + ["hashes", "known", "list"])
    try node.ast("run", "rm", "/var/lib/ucf/known").expectSuccess()
    try node.ast("remove", "--purge", "ucf-like").expectSuccess()
    #expect(try state("ucf") == link)
    try node.ast("install", "ucf-like").expectSuccess()
    #expect(try state("ucf") == link + ["hashes", "list"])
  }

  @Test func programsInANodeSeeADirectory() throws {
    #expect(try node.shell("stat -c %F /var/lib/dkms /var/lib/dpkg") == ["directory", "symbolic link"])
    try node.ast("run", "sh", "-c", "rmdir /var/lib/dkms").expectSuccess()
    #expect(try state("dkms") == ["../../usr/lib/sysimage/dkms"])
  }
}
