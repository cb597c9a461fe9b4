import FoundationEssentials
import Glibc

/// The user for whom a command works.
package enum LoginUser {
  /// The number of the user who logged in, whoever the process works as (proc_pid_loginuid(5)); without a login, of the one
  /// whom sudo(8) names, or of the user of the process.
  package static var number: uid_t {
    let login = (try? String(contentsOfFile: "/proc/self/loginuid", encoding: .utf8)).flatMap { uid_t($0) }
    let behind = getenv("SUDO_UID").flatMap { uid_t(String(cString: $0)) }
    return login.flatMap { $0 == .max ? nil : $0 } ?? behind ?? getuid()
  }
}
