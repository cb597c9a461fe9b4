import DebianFormats
import FileTrees
import Packages

extension FuzzEntry {
  private static let status = """
    Package: libc6
    Status: install ok installed
    Essential: yes
    Installed-Size: 13130
    Architecture: amd64
    Version: 2.41-12
    Description: GNU C Library
     Contains the standard libraries.
    \u{20}
    # a comment

    Package: nginx
    Status: hold ok config-files
    Protected: yes
    Architecture: all
    Version: 1:1.26.3-3+deb13u1

    """

  /// "hello hello hello hello\n", as gzip(1) compresses it.
  private static let compressed: [UInt8] = [
    0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40, 0x27, 0xb9, 0x00, 0x00,
    0x88, 0x59, 0x0b, 0x18, 0, 0, 0,
  ]

  static let packageEntries: [FuzzEntry] = [
    FuzzEntry(
      "changelog", of: ["Formats/DebianFormats/Changelogs/Changelog.swift"],
      seeds: ["tool (2.0-1) unstable; urgency=medium\n\n  * New.\n\n -- A <a@b>  Mon, 01 Dec 2025 10:00:00 +0000\n"]
    ) { input in
      let log = Changelog(text(input))
      try require(log.entries.allSatisfy { !$0.version.isEmpty && !$0.text.isEmpty }, "an entry is empty")
      try require(log.entries(after: "1").count <= log.entries.count, "there are more entries than there are")
    },
    FuzzEntry(
      "gzip", of: ["Formats/DebianFormats/Changelogs/GzipFile.swift"], bytes: [compressed],
      files: ["usr/share/doc/bash/changelog.Debian.gz"]
    ) { input in
      try require(GzipFile.content(of: input, limit: 5000)?.count ?? 0 <= 5000, "the limit is exceeded")
    },
    FuzzEntry(
      "unified-diff", of: ["Formats/FileTrees/UnifiedDiff.swift"],
      bytes: [Array("a\nb\n".utf8) + [0xff] + Array("a\nc".utf8)]
    ) { input in
      let texts = parts(input, 2)
      let lines = UnifiedDiff(from: texts[0], to: texts[1]).lines
      try require(lines.isEmpty == (texts[0] == texts[1]), "equal texts differ, or others do not")
      let removed = lines.count { $0.kind == .removed } - lines.count { $0.kind == .added }
      try require(removed == lineCount(texts[0]) - lineCount(texts[1]), "lines are missing")
    },
    FuzzEntry(
      "control-file", of: ["Formats/DebianFormats/ControlFile.swift"], seeds: [status],
      files: ["var/lib/dpkg/status", "var/lib/apt/extended_states"]
    ) { input in
      let fields: Set = ["Package", "Version", "Description", "Status"]
      for paragraph in ControlFile.paragraphs(in: input, fields: fields) {
        try require(!paragraph.isEmpty && fields.isSuperset(of: paragraph.keys), "a paragraph has \(paragraph.keys)")
      }
    },
    FuzzEntry(
      "dpkg-status",
      of: [
        "Formats/DebianFormats/DpkgStatus.swift", "Formats/DebianFormats/PackageFacts.swift",
        "Formats/DebianFormats/PackageMarks.swift", "Formats/DebianFormats/DeclinedPackages.swift",
      ],
      seeds: [
        status + "\u{0}", "Package: a\nArchitecture: amd64\nAuto-Installed: 1\nInstalled-Size: 9223372036854775807\n",
        "nginx:amd64 3\nlibc6:all 0\n",
      ], files: ["var/lib/dpkg/status"]
    ) { input in
      let files = parts(input, 3)
      let installed = DpkgStatus.packages(in: files[0])
      _ = DpkgStatus.sourceVersions(in: files[0])
      try require(installed.allSatisfy { !$0.name.isEmpty }, "a package has no name")
      let facts = PackageFacts.table(in: files[0])
      let size = facts.values.reduce(0) { $0 + $1.size }
      try require(size >= 0, "the packages have \(size) bytes")
      let before = PackageMarks(status: files[0], extendedStates: files[1])
      let after = PackageMarks(status: files[1], extendedStates: files[0])
      try require(before.automatic.isSubset(of: before.installed.keys), "a package that is not installed is automatic")
      var declined = DeclinedPackages(text(files[2]))
      declined.note(from: before, to: after, in: 3)
      try require(declined.packages(in: 3).isDisjoint(with: after.installed.keys), "an installed package is declined")
    },
    FuzzEntry(
      "package-lists", of: ["Operations/Packages/Indices/PackageLists.swift"],
      seeds: ["Package: a\nSHA256: 00FF\nSize: 1\n\nPackage: b\nSHA256: \nSHA256: 01"]
    ) { input in
      let wanted: Set = ["00ff", "01"]
      try require(input.withUnsafeBytes { PackageLists.named(among: wanted, in: $0) }.isSubset(of: wanted), "another")
    },
    FuzzEntry(
      "declined-packages", of: ["Formats/DebianFormats/DeclinedPackages.swift"],
      seeds: ["nginx:amd64 3\nlibc6:all 0\n"]
    ) { input in
      let declined = DeclinedPackages(text(input))
      try require(DeclinedPackages(declined.text) == declined, "what was written is not what is read")
    },
    FuzzEntry(
      "debian-version", of: ["Formats/DebianFormats/DebianVersion.swift"],
      seeds: ["1:2.41-12+b1\n2.41~rc1-1\n2.41\n0:2.41-0\n1.0a-10\n1.0a-9", "-9223372036854775808:1\n1:1\n+1:0"]
    ) { input in
      let versions = text(input).split(separator: "\n").prefix(5).map { DebianVersion(String($0)) }
      for (a, b) in versions.flatMap({ a in versions.map { (a, $0) } }) {
        let verdicts = [a < b, b < a, a == b]
        try require(verdicts.count { $0 } == 1, "\(a) and \(b): \(verdicts)")
        try require(a != b || a.hashValue == b.hashValue, "\(a) and \(b) are equal and hash differently")
        for c in versions where a < b && b < c { try require(a < c, "\(a) < \(b) < \(c)") }
      }
    },
    FuzzEntry(
      "dpkg-checksums", of: ["Formats/DebianFormats/DpkgChecksums.swift"],
      seeds: ["d41d8cd98f00b204e9800998ecf8427e  usr/bin/true\nd41d8cd98f00b204e9800998ecf8427e  usr/share/a b\n"],
      files: ["var/lib/dpkg/info/base-files.md5sums"]
    ) { input in
      let sums = DpkgChecksums.files(in: input)
      try require(sums.values.allSatisfy { $0.count == 32 }, "a checksum has another length")
    },
  ]
}

private func lineCount(_ text: [UInt8]) -> Int {
  text.count { $0 == UInt8(ascii: "\n") } + (text.isEmpty || text.last == UInt8(ascii: "\n") ? 0 : 1)
}
