import FoundationEssentials
import Glibc
import SystemPackage

/// The files of Debian's packages with the signed boot loader, as the archive has them.
package enum SignedPrograms {
  /// Why this machine cannot have them; nil if it can.
  package static var hindrance: String? {
    geteuid() == 0 && access("/usr/bin/mmdebstrap", X_OK) == 0 ? nil : "needs root and mmdebstrap"
  }

  /// A directory with `shim` and `grub` of /usr/lib, for a release; made once a week.
  package static func directory(of suite: String) throws -> FilePath {
    var environment = plainEnvironment
    for name in ["HOME", "XDG_CACHE_HOME", "AST_CACHE"] {
      environment[name] = ProcessInfo.processInfo.environment[name]
    }
    let output = try runSuccessfully(["sh", "-euc", script, "sh", suite], environment: environment)
    return FilePath(output.split(separator: "\n").joined())
  }

  private static let script = #"""
    directory=${AST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ast}/signed-$1
    mkdir -p "${directory%/*}"
    exec 9>"$directory.lock"
    flock 9
    if [ -z "$(find "$directory/grub" -maxdepth 0 -mtime -7 2>/dev/null)" ]; then
        dates=$(mktemp)
        trap 'rm -f "$dates"' EXIT
        apt-config dump --format '%f "%v";%n' Acquire::Check-Valid-Until Acquire::Check-Date >"$dates"
        rm -rf "$directory" "$directory.new"
        mkdir "$directory.new"
        mmdebstrap --quiet --variant=extract --format=null --include=shim-signed,grub-efi-amd64-signed \
            --aptopt="$dates" --aptopt='APT::Install-Recommends "false"' \
            --extract-hook="cp -r \"\$1/usr/lib/shim\" \"\$1/usr/lib/grub\" '$directory.new'" \
            "$1" /dev/null </dev/null >&2
        touch "$directory.new/grub/."
        mv "$directory.new" "$directory"
    fi
    echo "$directory"
    """#
}
