import FoundationEssentials
public import Settings
public import SystemPackage
internal import TOMLKit

/// A file with the answers for `bootstrap`: TOML, with a key for each option.
///
///     hostname = "web"
///     user = "anna"
///     ssh-keys = ["ssh-ed25519 AAAA… anna@home"]
public struct BootstrapFile: Decodable, Sendable, Equatable {
  /// The image to make.
  public var image: String?
  /// The size of the image, as on the command line.
  public var size: String?
  /// The disk to erase.
  public var disk: String?
  /// The release.
  public var suite: String?
  /// The extent of the installation.
  public var variant: String?
  /// The mirror.
  public var mirror: String?
  /// An archive to start from.
  public var tarball: String?
  /// The package of the kernel.
  public var kernel: String?
  /// Additional packages.
  public var include: [String]?
  /// The machine's name.
  public var hostname: String?
  /// Its language.
  public var locale: String?
  /// Its time zone.
  public var timezone: String?
  /// Its keyboard.
  public var keymap: String?
  /// Root's password, in clear or as crypt(5) writes it; an empty one for none.
  public var rootPassword: String?
  /// A user; an empty name for none.
  public var user: String?
  /// The user's password.
  public var userPassword: String?
  /// SSH keys.
  public var sshKeys: [String]?
  /// The serial line.
  public var serial: String?

  /// No answers.
  public init() {}

  /// The answers in a file. Unknown keys are errors.
  public init(_ path: FilePath) throws(ConfigurationError) {
    let text: String
    do {
      text = try String(contentsOfFile: path.string, encoding: .utf8)
    } catch {
      throw .unreadable(path)
    }
    do {
      self = try TOMLDecoder(strictDecoding: true).decode(BootstrapFile.self, from: text)
    } catch {
      throw .wrong(path, Self.words(error))
    }
  }

  private enum CodingKeys: String, CodingKey {
    case image, size, disk, suite, variant, mirror, tarball, kernel, include, hostname, locale, timezone, keymap, user
    case serial
    case rootPassword = "root-password"
    case userPassword = "user-password"
    case sshKeys = "ssh-keys"
  }

  private static func words(_ error: any Error) -> String {
    switch error {
    case let error as TOMLParseError:
      "line \(error.source.begin.line), column \(error.source.begin.column): \(error.description)"
    case let error as UnexpectedKeysError: "unknown keys: \(error.keys.keys.sorted().joined(separator: ", "))"
    // TOMLKit reports a value of another kind as a missing key.
    case DecodingError.typeMismatch(_, let context), DecodingError.keyNotFound(_, let context):
      "\(context.codingPath.map(\.stringValue).joined(separator: ".")) has a value of the wrong kind"
    default: "\(error)"
    }
  }
}
