/// An application in a package, as the AppStream metadata of an archive describes it.
public struct Application: Hashable, Sendable {
  /// Its identifier, such as `org.gnome.gitg`.
  public var id: String
  /// The package that has it.
  public var package: String
  /// Its name for people.
  public var name: String
  /// What it is, in a line.
  public var summary: String
  /// The name of its picture among the pictures of the archive; nil if it has none.
  public var icon: String?

  /// An application.
  public init(id: String, package: String, name: String, summary: String, icon: String?) {
    self.id = id
    self.package = package
    self.name = name
    self.summary = summary
    self.icon = icon
  }
}
