/// The setting of kernel modules.
extension Settings {
  /// Whether the modules that are built in a node are to be signed with the machine's key.
  public var signsModules: Bool { value(of: .signModules) == .flag(true) }
}
