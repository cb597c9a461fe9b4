import SystemPackage

/// pasta(1), new enough to be a wall. Where the host has none (Debian 12's is too old), it is that of Debian 13, with the
/// libraries that it was built for.
public enum Pasta {
  /// The program, which every user may execute.
  public static var path: FilePath { get throws { try found.get() } }

  /// The version that ast requires.
  public static let minimum = "0.0~git20250503"

  private static let found = Result {
    let version = try run(["dpkg-query", "-W", "-f", "${Version}", "passt"]).stdout
    let isNew = try run(["dpkg", "--compare-versions", version, "ge", minimum]).status == 0
    return !version.isEmpty && isNew ? FilePath("/usr/bin/pasta") : try unpacked()
  }

  /// The loader of that Debian starts it.
  private static func unpacked() throws -> FilePath {
    let name = "pasta"
    let place = try LoopBtrfs.shared.root.appending(name)
    return try LoopBtrfs.shared.directory(named: name) { directory in
      let archive = try DebianRoot.archive(of: DebianRoot.suite == "bookworm" ? "trixie" : DebianRoot.suite)
      let script = """
        tar -C "$1" -xf "$2"; place=$3; cd "$1"; cat /etc/resolv.conf >etc/resolv.conf
        chroot . sh -euc 'apt-get -qq update; cd /tmp; apt-get -qq download passt; dpkg-deb -x passt_*.deb /'
        set -- lib*/ld-linux-*.so.*
        cat >pasta <<END
        #!/bin/sh
        exec $place/$1 --library-path $place/$(echo usr/lib/*-linux-gnu) $place/usr/bin/pasta "\\$@"
        END
        chmod 755 pasta .
        """
      try runSuccessfully(["sh", "-euc", script, "sh", directory.string, archive.string, place.string])
    }.appending("pasta")
  }
}
