/// The marks that dpkg and apt keep for packages: which the user asked for, and which are on hold.
public struct PackageMarks: Sendable, Equatable {
  /// A package as apt distinguishes packages.
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

    /// The package in apt's notation.
    public var description: String { "\(name):\(architecture)" }

    /// Orders packages by name, then by architecture.
    public static func < (left: Name, right: Name) -> Bool {
      (left.name, left.architecture) < (right.name, right.architecture)
    }
  }

  /// The versions of the installed packages.
  public let installed: [Name: String]
  /// The packages that are installed, partly installed, or have left configuration files.
  public let known: Set<Name>
  /// The packages that were installed automatically.
  public let automatic: Set<Name>
  /// The packages on hold (dpkg(1), "hold").
  public let held: Set<Name>

  /// The packages that the user asked for.
  public var manual: Set<Name> { Set(installed.keys).subtracting(automatic) }

  /// Whether the package of a step is on hold.
  public func holds(_ step: PackageStep) -> Bool {
    [step.architecture, "all"].contains { held.contains(Name(step.name, $0)) && installed[Name(step.name, $0)] != nil }
  }

  /// Reads dpkg's status database and apt's record of automatically installed packages, in which a package for all
  /// architectures has the architecture of the machine.
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
