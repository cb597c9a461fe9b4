import Host

/// The names of the packages that this machine's apt knows, among those that begin like this; none for an empty beginning,
/// since they are tens of thousands.
///
/// - Throws: `AstError` where there is no apt.
public func availablePackages(beginningWith prefix: String) throws -> [String] {
  guard !prefix.isEmpty else { return [] }
  return try ChildProcess("apt-cache", ["--no-generate", "pkgnames", "--", prefix]).output()
    .split(separator: "\n").map(String.init).sorted()
}
