import CSandbox
import SystemPackage

/// The reason why a network of its own could not be made.
public enum UserNetworkError: Error, Sendable, Hashable {
  /// The addresses of the host cannot be listed.
  case addresses(Errno)
  /// A process cannot be started.
  case processes(Errno)
  /// The kernel, or what surrounds this machine, does not allow the namespaces.
  case namespaces(Errno)
  /// pasta cannot be executed.
  case program(Errno)
  /// pasta has ended, with this message.
  case pasta(String)
  /// pasta has not set up the interface in time.
  case late
  /// The addresses of the host cannot be refused.
  case filter(Errno)
}

extension UserNetworkError {
  init(_ step: sandbox_network_step, _ errno: Errno) {
    self =
      switch step {
      case SANDBOX_NETWORK_STEP_NAMESPACES: .namespaces(errno)
      case SANDBOX_NETWORK_STEP_PROGRAM: .program(errno)
      default: .processes(errno)
      }
  }
}
