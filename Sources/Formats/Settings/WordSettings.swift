/// The settings whose values are words.
extension Settings {
  /// The kernel arguments of a node, appended to those from its /etc/default/grub.
  public var kernelArguments: [String] { words(of: .kernelArguments) }

  /// The names of the hooks that are not run for changes of packages.
  public var skippedHooks: [String] { words(of: .skippedHooks) }

  // Reading has checked each value against the kind of its key, so the `else` branches are never taken.
  private func words(of key: SettingKey) -> [String] {
    if case .words(let words) = value(of: key) { words } else { [] }
  }
}
