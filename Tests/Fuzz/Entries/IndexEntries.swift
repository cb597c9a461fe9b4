import DebianFormats
import FoundationEssentials

extension FuzzEntry {
  private static let inRelease = """
    -----BEGIN PGP SIGNED MESSAGE-----
    Hash: SHA512

    Origin: Debian
    Date: Sat, 14 Nov 2026 09:54:32 UTC
    SHA256:
     e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 main/binary-amd64/Packages
    -----BEGIN PGP SIGNATURE-----

    iQIz
    -----END PGP SIGNATURE-----

    """
  private static let settings = """
    Dir::Etc::trustedparts "/etc/apt/keys.d"; // a comment
    Acquire { https { CaInfo "/etc/ssl/own.pem"; }; };
    /* another */ APT::Update::Post-Invoke { "touch /run/x"; };
    """
  private static let sources = """
    Types: deb
    URIs: http://deb.example/debian
    Signed-By: /etc/apt/keyrings/own.gpg
    Trusted: yes
    """

  private static let update = """
    Hit:1 http://deb.example/debian trixie InRelease
    Ign:2 http://down.example/vendor stable InRelease
    Err:2 http://down.example/vendor stable InRelease
      Could not connect to down.example:80 (127.0.0.1). - connect (111: refused)
    Get:3 file:/srv/own ./ Packages [531 B]
    """

  private static let packages = """
    Package: bash
    Version: 5.2-1
    Description: GNU Bourne Again SHell
     long
    Description-md5: 3522aa7b4374048d6450e348a5bb45d9

    Package: last
    Description-en: x
    """

  private static let components = """
    ---
    Type: desktop-application
    ID: org.example.Viewer
    Package: viewer
    Name:
      de: Betrachter
      C: "View\\u0065r\\
        of pages"
    Summary:
      C: >-
        Look at
        pages
    Icon:
      cached:
      - name: 'viewer''s.png'
        width: 64
    ---
    Type: font
    """

  static let indexEntries: [FuzzEntry] = [
    FuzzEntry(
      "applications", of: ["Formats/DebianFormats/Lists/ApplicationReader.swift"], seeds: [components]
    ) { input in
      var reader = ApplicationReader()
      var found: [Application] = []
      for line in input.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
        if let application = line.withUnsafeBytes({ reader.read($0) }) { found.append(application) }
      }
      if let application = reader.end() { found.append(application) }
      for application in found {
        try require(!application.name.isEmpty && !application.package.isEmpty, "an application has no name")
        try require(!application.summary.contains { $0.isNewline || $0 == "\t" }, "a summary has more than a line")
      }
    },
    FuzzEntry(
      "list-text",
      of: ["Formats/DebianFormats/Lists/ListText.swift", "Formats/DebianFormats/Lists/SearchWord.swift"],
      seeds: [packages, packages + "\n\n"]
    ) { input in
      let files = parts(input, 2)
      let word = SearchWord(text(files[1]))
      try files[0].withUnsafeBytes { bytes in
        let list = ListText(bytes)
        try require(ListText.endOfWholeEntries(in: bytes) <= bytes.count, "a piece ends behind the text")
        try list.forEachEntry { entry in
          try require(!entry.package.isEmpty, "an entry has no package")
          for range in [entry.package, entry.version, entry.description, entry.digest] {
            try require(range.upperBound <= bytes.count, "a value ends behind the text")
            _ = word?.isIn(list[range])
          }
          let found = list.entries(withLine: "Package: \(list.string(entry.package))")
          try require(found.allSatisfy { $0.upperBound <= bytes.count }, "an entry ends behind the text")
        }
      }
    },
    FuzzEntry(
      "apt-update", of: ["Formats/DebianFormats/AptUpdate.swift"],
      seeds: [update, "E: Release file for http://a/InRelease is expired (invalid since 3d).\nW: x"]
    ) { input in
      let files = parts(input, 2)
      let update = AptUpdate(text(files[0]), said: text(files[1]))
      try require(update.failures.allSatisfy { !$0.source.isEmpty }, "a source has no name")
    },
    FuzzEntry("in-release", of: ["Formats/DebianFormats/InRelease.swift"], seeds: [inRelease]) { input in
      guard let index = InRelease(text(input)) else { return }
      try require(index.date.utf8.count == 14, "the date is \(index.date)")
      try require(index.sha256.values.allSatisfy { $0.utf8.count == 64 }, "a checksum is no checksum")
      for path in index.sha256.keys {
        try require(!InRelease.listName(of: path).contains("/"), "a name of a list has a slash")
      }
    },
    FuzzEntry(
      "apt-configuration", of: ["Formats/DebianFormats/AptConfiguration.swift"], seeds: [settings, sources]
    ) { input in
      for isSettings in [false, true] {
        let read = AptConfiguration(text(input), isSettings: isSettings)
        try require(!read.paths.contains(""), "a path is empty")
      }
    },
    FuzzEntry(
      "linked-libraries", of: ["Formats/DebianFormats/LinkedLibraries.swift"], files: ["usr/bin/true", "usr/bin/apt"]
    ) { input in
      guard let libraries = LinkedLibraries(Data(input)) else { return }
      try require(libraries.names.allSatisfy { !$0.utf8.contains(0) }, "a name has a NUL")
    },
    FuzzEntry(
      "loader-cache", of: ["Formats/DebianFormats/LoaderCache.swift"], files: ["etc/ld.so.cache"]
    ) { input in
      guard let cache = LoaderCache(Data(input)) else { return }
      try require(cache.entries.count <= input.count / 24, "there are \(cache.entries.count) entries")
    },
  ]
}
