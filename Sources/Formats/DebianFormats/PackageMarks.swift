/// What dpkg and apt remember of packages besides their versions: which somebody asked for, and which are to stay as they
/// are.
public struct PackageMarks: Sendable, Equatable {
  /// A package as apt tells packages apart.
  public struct Name: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Its name.
    public let name: String
    /// Its architecture.
    public let architecture: String

    /// A name for an architecture.
    public init(_ name: String, _ architecture: String) {
      self.name = name
      self.architecture = architecture
    }

    /// As apt writes it.
    public var description: String { "\(name):\(architecture)" }

    /// By name, then by architecture.
    public static func < (left: Name, right: Name) -> Bool {
      (left.name, left.architecture) < (right.name, right.architecture)
    }
  }

  /// The versions of what is installed.
  public let installed: [Name: String]
  /// What is installed, in part installed, or has left configuration files.
  public let known: Set<Name>
  /// What is there because others need it.
  public let automatic: Set<Name>
  /// What apt leaves as it is (dpkg(1), "hold").
  public let held: Set<Name>

  /// What somebody asked for.
  public var manual: Set<Name> { Set(installed.keys).subtracting(automatic) }

  /// Reads dpkg's status database and apt's record of automatically installed packages, where a package for all
  /// architectures stands with that of the machine.
  public init(status: some Collection<UInt8>, extendedStates: some Collection<UInt8>) {
    var installed: [Name: String] = [:]
    var known: Set<Name> = []
    var held: Set<Name> = []
    for paragraph in ControlFile.paragraphs(in: status, fields: ["Package", "Architecture", "Version", "Status"]) {
      guard let name = paragraph["Package"], let architecture = paragraph["Architecture"] else { continue }
      let words = paragraph["Status"]?.split(separator: " ") ?? []
      guard let wanted = words.first, let state = words.last else { continue }
      let package = Name(name, architecture)
      if wanted == "hold" { held.insert(package) }
      if state != "not-installed" { known.insert(package) }
      if state == "installed" { installed[package] = paragraph["Version"] ?? "" }
    }
    let marked = ControlFile.paragraphs(in: extendedStates, fields: ["Package", "Architecture", "Auto-Installed"])
      .filter { $0["Auto-Installed"] == "1" }.compactMap { paragraph in
        paragraph["Package"].map { Name($0, paragraph["Architecture"] ?? "") }
      }
    let automatic = marked.flatMap { [$0, Name($0.name, "all")] }
    self.installed = installed
    self.known = known
    self.held = held
    self.automatic = Set(automatic).intersection(installed.keys)
  }
}
