import SystemPackage

extension TestStore {
  /// Runs `ast` as if in a new boot: the kernel reports another boot id.
  package func astInTheNextBoot(_ arguments: [String]) throws -> CommandResult {
    let script = """
      mount -t tmpfs none /mnt; echo 00000000-0000-4000-8000-000000000000 >/mnt/id
      mount --bind /mnt/id /proc/sys/kernel/random/boot_id; umount -l /mnt; exec "$@"
      """
    return try run(
      ["unshare", "--mount", "sh", "-ec", script, "sh", AstBinary.path.string] + arguments,
      environment: plainEnvironment.merging(["AST_STORE": root.string]) { $1 })
  }
}
