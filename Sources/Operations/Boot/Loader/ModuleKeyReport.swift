import Host
import Store
import SystemPackage

/// What firmware knows of the machine's key for kernel modules.
public struct ModuleKeyReport: Sendable, Encodable {
  /// What shim does with what the key has signed.
  public enum State: String, Sendable, Encodable {
    /// It loads.
    case known
    /// It will load when somebody at the machine has confirmed the key at the next start.
    case requested
    /// It does not load under Secure Boot.
    case unknown
  }

  /// The file with the certificate.
  public let certificate: FilePath
  /// What shim does with it.
  public let state: State
  /// Whether the firmware starts signed programs only.
  let isSecure: Bool

  /// Asks this machine's firmware; nil if EFI firmware has not started it.
  public init?(_ key: ModuleKey) throws { try self.init(key, FirmwareVariables()) }

  init?(_ key: ModuleKey, _ firmware: FirmwareVariables) throws {
    guard firmware.arePresent else { return nil }
    certificate = key.certificate
    state = try firmware.state(of: Array(Files.contents(of: key.certificate)))
    isSecure = try firmware.isSecure ?? false
  }

  /// Whether Secure Boot refuses what the key has signed.
  public var isRefused: Bool { isSecure && state != .known }

  /// What the administrator has to do so that signed modules load under Secure Boot; nil if nothing.
  public var advice: String? {
    switch state {
    case .known: nil
    case .requested:
      "modules that ast has signed load after the key was confirmed on the machine's screen at its next start"
    case .unknown:
      "modules that ast has signed do not load under Secure Boot: `mokutil --import \(certificate)` asks for a password, "
        + "and the next start, on the machine's screen, for that password"
    }
  }

  private enum Member: String, CodingKey { case certificate, state }

  /// Encodes what the firmware knows.
  public func encode(to encoder: any Encoder) throws {
    var object = encoder.container(keyedBy: Member.self)
    try object.encode(certificate.string, forKey: .certificate)
    try object.encode(state, forKey: .state)
  }
}
