import DebianFormats
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

  static let packageEntries: [FuzzEntry] = [
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
