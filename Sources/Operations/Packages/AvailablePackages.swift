import Host

/// The names of the packages that this machine's apt knows and that begin with `prefix`. An empty prefix gives none: apt
/// knows tens of thousands.
///
/// - Throws: `AstError` if there is no apt.
public func availablePackages(beginningWith prefix: String) throws -> [String] {
  guard !prefix.isEmpty else { return [] }
  return try ChildProcess("apt-cache", ["--no-generate", "pkgnames", "--", prefix]).output()
    .split(separator: "\n").map(String.init).sorted()
}
