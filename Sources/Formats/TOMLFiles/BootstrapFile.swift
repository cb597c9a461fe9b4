public import Settings
public import SystemPackage

/// A file with the answers for `bootstrap`: TOML, with a key for each option.
///
///     hostname = "web"
///     user = "anna"
///     ssh-keys = ["ssh-ed25519 AAAA… anna@home"]
public struct BootstrapFile: Sendable, Equatable {
  /// The image to make.
  public var image: String?
  /// The size of the image, as on the command line.
  public var size: String?
  /// The disk to erase.
  public var disk: String?
  /// The size of a partition for kernels and the boot menu, as on the command line.
  public var bootPartition: String?
  /// Whether the disk is to be encrypted.
  public var encrypt: Bool?
  /// The passphrase of the disk, in clear.
  public var passphrase: String?
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
    let content: [UInt8]
    do { content = try FileText.any(path) } catch { throw .unreadable(path) }
    try self.init(content, in: path)
  }

  /// The answers in the content of a file.
  package init(_ content: some Collection<UInt8>, in path: FilePath) throws(ConfigurationError) {
    guard let text = String(validating: content, as: UTF8.self) else { throw .wrong(path, "this is not UTF-8 text") }
    let entries: [TOMLEntry]
    do {
      entries = try Self.entries(in: text)
    } catch {
      throw .wrong(path, line: error.line, column: error.column, error.reason)
    }
    let known = Set(Self.texts.keys).union(Self.lists.keys).union(Self.flags.keys)
    let unknown = Set(entries.map { $0.path.joined(separator: ".") }).subtracting(known)
    guard unknown.isEmpty else { throw .wrong(path, "unknown keys: \(unknown.sorted().joined(separator: ", "))") }
    for entry in entries { try take(entry, in: path) }
  }

  /// The keys with their values, below their headings.
  private static func entries(in text: String) throws(TOMLError) -> [TOMLEntry] {
    var table: [String] = []
    var entries: [TOMLEntry] = []
    for statement in try TOMLFile(text).statements {
      switch statement.content {
      case .heading(let path, _): table = path
      case .entry(let entry): entries.append(TOMLEntry(path: table + entry.path, value: entry.value))
      }
    }
    return entries
  }

  private mutating func take(_ entry: TOMLEntry, in path: FilePath) throws(ConfigurationError) {
    let key = entry.path.joined(separator: ".")
    switch entry.value {
    case .text(let text):
      guard let place = Self.texts[key] else { break }
      self[keyPath: place] = text
      return
    case .array(let values):
      let words = values.compactMap { if case .text(let text) = $0 { text } else { nil } }
      guard let place = Self.lists[key], words.count == values.count else { break }
      self[keyPath: place] = words
      return
    case .flag(let flag):
      guard let place = Self.flags[key] else { break }
      self[keyPath: place] = flag
      return
    default: break
    }
    throw .wrong(path, "\(key) has a value of the wrong kind")
  }

  private static var texts: [String: WritableKeyPath<BootstrapFile, String?>] {
    [
      "image": \.image, "size": \.size, "disk": \.disk,
      "boot-partition": \.bootPartition, "passphrase": \.passphrase, "suite": \.suite, "variant": \.variant,
      "mirror": \.mirror,
      "tarball": \.tarball, "kernel": \.kernel, "hostname": \.hostname, "locale": \.locale, "timezone": \.timezone,
      "keymap": \.keymap, "root-password": \.rootPassword, "user": \.user, "user-password": \.userPassword,
      "serial": \.serial,
    ]
  }

  private static var flags: [String: WritableKeyPath<BootstrapFile, Bool?>] { ["encrypt": \.encrypt] }

  private static var lists: [String: WritableKeyPath<BootstrapFile, [String]?>] {
    ["include": \.include, "ssh-keys": \.sshKeys]
  }
}
