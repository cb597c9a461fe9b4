import SystemPackage

extension TestStore {
  /// Runs a script as if the system with this root ran: in it, with an empty /run, the store at /run/store, and `ast` as
  /// a function. On trial, what is changed in /etc stays in memory.
  package func inside(_ root: FilePath, onTrial: Bool = false, _ script: String) throws -> CommandResult {
    try run(commandInside(root, onTrial: onTrial, script))
  }

  /// The command line that does this.
  package func commandInside(_ root: FilePath, onTrial: Bool = false, _ script: String) throws -> [String] {
    let libraries = try runSuccessfully([
      "sh", "-c", "ldd \"$1\" | sed -n 's,.*=> \\(/.*\\)/.*,\\1,p' | sort -u", "sh", AstBinary.path.string,
    ]).split(separator: "\n").map(String.init)
    let around = """
      store=$1 root=$2 binary=$3 trial=$4 script=$5 path=; shift 5
      mount --bind "$root" "$root"; cd "$root"; mount -t tmpfs none run; cd run; mkdir store bin upper work
      mount --rbind "$store" store; mount --bind "${binary%/*}" bin; mount -t proc none "$root/proc"
      mount --rbind /dev "$root/dev"
      for directory; do
        mkdir -p "lib$directory"; mount --bind "$directory" "lib$directory"; path="$path:/run/lib$directory"
      done
      if [ "$trial" = true ]; then
        mount -t overlay -o "lowerdir=$root/etc,upperdir=upper,workdir=work" none "$root/etc"
      else
        mount --bind "$root/etc" "$root/etc"
      fi
      if [ -e "$root/dev/kmsg" ]; then mount --bind /dev/null "$root/dev/kmsg"; fi
      function='ast() { LD_LIBRARY_PATH="$path" /run/bin/ast --store /run/store "$@"; }'
      path="$path" exec chroot "$root" sh -euc "$function; $script"
      """
    return ["unshare", "--mount", "sh", "-euc", around, "sh", self.root.string, root.string, AstBinary.path.string]
      + ["\(onTrial)", script] + libraries
  }
}
