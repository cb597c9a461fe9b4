/// The files and arguments with which a boot loader starts a root file system.
public struct BootFiles: Hashable, Codable, Sendable {
  /// The kernel: a path in the root file system, without a slash at the beginning.
  public var kernel: String
  /// Its initrd: a path in the same form.
  public var initrd: String
  /// The arguments that the root file system's own configuration gives its kernel, as one line.
  public var arguments: String

  /// A kernel, its initrd and its arguments.
  public init(kernel: String, initrd: String, arguments: String) {
    self.kernel = kernel
    self.initrd = initrd
    self.arguments = arguments
  }
}
