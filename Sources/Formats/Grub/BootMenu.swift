public import SystemPackage

/// The boot menu: what GRUB can boot, and what it boots by itself.
///
/// ``text`` and ``pages`` are all that GRUB gets, and contain all that it counts, notes and decides. Titles, arguments
/// and names of files are data: the text contains them quoted, and they reach the screen and the kernel unchanged.
public struct BootMenu: Hashable, Sendable {
  /// The UUID of the btrfs with the store.
  public var fileSystem: String
  /// The store's path from the top level of that file system.
  public var store: FilePath
  /// The machine id, for trial boots: they have none of their own.
  public var machineID: String
  /// The file in which GRUB can keep notes; nil if there is none: then GRUB neither counts tries nor boots a deployment
  /// just once.
  public var environment: BootEnvironmentPlace?
  /// The deployments, in the order of the menu.
  public var deployments: [Deployment]
  /// The system that boots by default.
  public var choice: Choice?
  /// The system that boots the next time only.
  public var once: Once?
  /// The nodes that can be booted as a trial, in the order of the menu.
  public var nodes: [System]
  /// The arguments that tell every kernel where the machine's memory is after hibernation. If there are any, they take
  /// the place of those of the systems.
  public var resume: [String] = []
  /// The system from before ast, with its own menu; nil if there was none.
  public var before: Before?
  /// The file system that GRUB reads the kernels from; nil if it reads them from the roots themselves. Then each system
  /// has ``System/copies``.
  public var volume: Volume?
  /// Whether the btrfs with the store is on several devices: then there is an entry that does without a missing one.
  public var hasSeveralDevices = false
  /// The directory of the menu's files, below that of the boot loader.
  public var directory: FilePath = "ast"

  /// A menu of these systems.
  public init(
    fileSystem: String, store: FilePath = "@snapshots", machineID: String, environment: BootEnvironmentPlace? = nil,
    deployments: [Deployment] = [], choice: Choice? = nil, once: Once? = nil, nodes: [System] = []
  ) {
    self.fileSystem = fileSystem
    self.store = store
    self.machineID = machineID
    self.environment = environment
    self.deployments = deployments
    self.choice = choice
    self.once = once
    self.nodes = nodes
  }

  /// A bootable system: a root with a kernel.
  public struct System: Hashable, Sendable {
    /// Its title.
    public var title: BootMenuTitle
    /// Its root subvolume, relative to the store.
    public var subvolume: FilePath
    /// The kernel, in that root.
    public var kernel: FilePath
    /// The initial file system, in that root.
    public var initrd: FilePath
    /// More arguments for the kernel, as they would stand on its command line.
    public var arguments: String
    /// The copies of its kernel and initrd on the boot volume, if there is one.
    public var copies: Copies?

    /// A system with these parts.
    public init(
      title: BootMenuTitle, subvolume: FilePath, kernel: FilePath, initrd: FilePath, arguments: String = ""
    ) {
      self.title = title
      self.subvolume = subvolume
      self.kernel = kernel
      self.initrd = initrd
      self.arguments = arguments
    }
  }

  /// Copies of a system's boot files, where GRUB reads them.
  public struct Copies: Hashable, Sendable {
    /// The kernel, from the top of the boot volume.
    public var kernel: FilePath
    /// The initial file system, in the same form.
    public var initrd: FilePath
    /// Whether the root has the program that brings /etc up to date. GRUB cannot look.
    public var hasStartProgram: Bool

    /// Copies with these paths.
    public init(kernel: FilePath, initrd: FilePath, hasStartProgram: Bool) {
      self.kernel = kernel
      self.initrd = initrd
      self.hasStartProgram = hasStartProgram
    }
  }

  /// A deployment in the menu.
  public struct Deployment: Hashable, Sendable {
    /// Its number.
    public var id: Int
    /// The system that it boots.
    public var system: System
    /// Whether it has not been marked good yet.
    public var isTrying: Bool
    /// Whether the user wants it kept.
    public var isPinned: Bool

    /// A deployment in the menu.
    public init(id: Int, system: System, isTrying: Bool = false, isPinned: Bool = false) {
      self.id = id
      self.system = system
      self.isTrying = isTrying
      self.isPinned = isPinned
    }
  }

  /// The default, and the number of its tries.
  public struct Choice: Hashable, Sendable {
    /// The deployment that boots by default.
    public var deployment: Int
    /// The number of the choice: a new number restarts the count.
    public var token: Int
    /// The number of boots without being marked good.
    public var tries: Int
    /// The deployment that boots after these tries have failed.
    public var fallback: Int?

    /// A default.
    public init(deployment: Int, token: Int, tries: Int = 3, fallback: Int? = nil) {
      self.deployment = deployment
      self.token = token
      self.tries = tries
      self.fallback = fallback
    }
  }

  /// A system from before ast, which starts from its own menu.
  public struct Before: Hashable, Sendable {
    /// The directory of its boot loader, from the top level of the file system.
    public var directory: FilePath
    /// The UUID of the file system with that directory; nil for the one with the store.
    public var fileSystem: String?
    /// Whether its data must still be taken over, by any system that boots from this menu.
    public var hasData: Bool

    /// A system with this directory.
    public init(directory: FilePath, on fileSystem: String? = nil, hasData: Bool) {
      self.directory = directory
      self.fileSystem = fileSystem
      self.hasData = hasData
    }
  }

  /// A boot that is not repeated.
  public struct Once: Hashable, Sendable {
    /// The deployment.
    public var deployment: Int
    /// The number of the request: GRUB notes it as done.
    public var token: Int

    /// A request.
    public init(deployment: Int, token: Int) {
      self.deployment = deployment
      self.token = token
    }
  }
}

/// The file in which GRUB keeps its notes: a file of 1024 bytes on a file system it can write in place, such as the
/// ESP.
public struct BootEnvironmentPlace: Hashable, Sendable {
  /// The UUID of the file system.
  public var fileSystem: String
  /// The file, from the top of that file system.
  public var path: FilePath

  /// A file on a file system.
  public init(fileSystem: String, path: FilePath = "ast/grubenv") {
    self.fileSystem = fileSystem
    self.path = path
  }
}
