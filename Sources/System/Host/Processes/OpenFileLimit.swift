import Glibc

/// How many files this process may have open: usually 1 024, which is less than the locks of a large tree.
package enum OpenFileLimit {
  /// Allows `count` more than usual, as far as the system lets us (getrlimit(2)).
  package static func raise(for count: Int) {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, rlim_t(count) + usual))
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }

  private static let usual: rlim_t = 1024
}
