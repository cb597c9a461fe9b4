/// The settings that are words.
extension Settings {
  /// What the kernel of a node is told behind what its /etc/default/grub says.
  public var kernelArguments: [String] { words(of: .kernelArguments) }

  /// The names of the hooks that take no part in changes of packages.
  public var skippedHooks: [String] { words(of: .skippedHooks) }

  // A value was held against the kind of its key when it was read: what stands behind `else` does not happen.
  private func words(of key: SettingKey) -> [String] {
    if case .words(let words) = value(of: key) { words } else { [] }
  }
}
