import DebianFormats
import Host
import Sandbox
import Store

extension AptSession {
  /// Does something for which apt may need a network. Where there cannot be one, apt still gets what sources on this
  /// machine have, and if it fails, the error says why there is no network.
  ///
  /// - Throws: `AstError`.
  func fetching(_ work: (Sandbox.Network) throws -> Void) throws {
    let network = store.network(for: .fetching)
    let made = Result { () throws(AstError) in try network.made() }
    do {
      try work((try? made.get()) ?? .isolated)
    } catch let error as AstError where error.code == .failed {
      if case .failure(let refusal) = made { throw error.explained(by: refusal) }
      guard network.isOwn, let port = LoopbackProxy.port(refusedIn: error.reason) else { throw error }
      throw error.advising(
        "the machine's own services are closed to nodes; if that is apt's proxy, open its port: "
          + "network.loopback = [\(port)] in /etc/ast/ast.toml")
    }
  }
}

extension AstError {
  fileprivate func explained(by refusal: AstError) -> AstError {
    AstError(code, "\(refusal.reason); \(reason)", state: state, hint: refusal.hint)
  }
}
