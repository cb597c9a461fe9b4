import CSandbox
import Dispatch
import Glibc
import Synchronization
import SystemPackage

/// A network for sandboxes that is not the host's: a network namespace that reaches the host's network through pasta(1),
/// which is an ordinary program of a user without rights.
///
///     let network = UserNetwork { UserNetwork.Plan(pasta: "/usr/bin/pasta", user: 990, group: 990) }
///     sandbox.network = .joined(network)
///
/// From inside, the world is reached as from the host, but not the host: none of its addresses, and of its loopback
/// interface only name resolution and ``Plan/loopbackPorts``. A filter in the kernel sees to that, which programs inside
/// cannot take away, whatever capabilities they have in the namespace.
///
/// It is made in the background, in a thread that stays until the end: the processes end with it. The end is the last
/// reference's, or the death of this process.
public final class UserNetwork: Sendable {
  /// What a network is made of.
  public struct Plan: Sendable {
    /// The program.
    public var pasta: FilePath
    /// The user that owns the namespace and the program. No other process may have this user, because it could enter the
    /// namespace.
    public var user: uid_t
    /// The group of both.
    public var group: gid_t
    /// Ports of the host's loopback interface that are open, as ports of the loopback interface inside.
    public var loopbackPorts: [Int] = []
    /// Addresses that are refused besides the host's own.
    public var refused: [AddressPrefix] = []

    /// A plan without ports of the host.
    public init(pasta: FilePath, user: uid_t, group: gid_t) {
      (self.pasta, self.user, self.group) = (pasta, user, group)
    }
  }

  private let outcome: Outcome
  private let stop = DispatchSemaphore(value: 0)

  /// Begins to make a network. `plan` is asked in the background, too; what it throws, ``started()`` throws.
  public init(_ plan: @escaping @Sendable () throws -> Plan) {
    outcome = Outcome()
    // A separate queue always gets a thread.
    DispatchQueue(label: "network").async { [outcome, stop] in
      do {
        let processes = try NetworkProcesses(plan())
        outcome.set(.success(processes.namespace))
        withExtendedLifetime(processes) { stop.wait() }
      } catch {
        outcome.set(.failure(error))
      }
    }
  }

  deinit { stop.signal() }

  /// Waits until the network is there.
  ///
  /// - Throws: ``UserNetworkError``, or what the plan has thrown.
  public func started() throws { _ = try outcome.get() }

  /// The namespace, to be joined.
  var namespace: FileDescriptor {
    get throws(SandboxError) {
      do {
        return try outcome.get()
      } catch {
        throw SandboxError(step: .enterNetwork, path: nil, errno: (error as? Errno) ?? .networkDown)
      }
    }
  }
}

extension UserNetwork: Hashable {
  /// Whether they are the same network.
  public static func == (one: UserNetwork, other: UserNetwork) -> Bool { one === other }
  /// Hashes its identity.
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// What the thread has made, for those who wait for it.
private final class Outcome: Sendable {
  private let result = Mutex<Result<FileDescriptor, any Error>?>(nil)
  private let known = DispatchSemaphore(value: 0)

  func set(_ result: Result<FileDescriptor, any Error>) {
    self.result.withLock { $0 = result }
    known.signal()
  }

  func get() throws -> FileDescriptor {
    known.wait()
    defer { known.signal() }
    return try (result.withLock { $0 } ?? .failure(Errno.networkDown)).get()
  }
}
