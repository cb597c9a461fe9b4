import DebianFormats
import Etc
import FoundationEssentials
import Host
import Rootfs
import Sandbox
import Store
import SystemPackage

/// The base of a new system while it is configured.
struct BootstrapBase {
  /// The store it is in.
  let store: Store
  /// The directory it is in.
  let root: FilePath
  /// Gets the output of programs.
  let messages: FileDescriptor

  private var files: RootDirectory { RootDirectory(root) }

  /// Installs the packages that are missing. Only a base from an archive needs it.
  func install(_ packages: [String], _ aptOptions: [AptOption]) throws {
    let installed = Set(try PackageDatabase.installed(in: root)?.map(\.name) ?? [])
    let missing = packages.filter { !installed.contains($0) }
    guard !missing.isEmpty else { return }
    try installByApt(missing, aptOptions)
  }

  /// Has apt install packages by name or by file. If they and all that they need are there, it needs no network.
  private func installByApt(_ packages: [String], _ aptOptions: [AptOption]) throws {
    let apt = ["apt-get", "-q"] + aptOptions.flatMap(\.arguments)
    func install(_ option: String...) -> [String] {
      apt + ["--yes", "--no-install-recommends"] + option + ["install", "--"] + packages
    }
    // In vain if there are no indices yet, so what it says then is not shown: what is wrong, apt says again below.
    if try sandbox().run(install("--no-download", "--simulate"), output: { _ in }, error: { _ in }).status != 0 {
      let network = try store.network(for: .fetching).made()
      try run(apt + ["update"], network: network)
      try run(install("--download-only"), network: network)
    }
    // Without a network. apt 3.0 and `--no-download` do not go together with a file.
    try run(install())
    try run(["sh", "-c", "apt-get clean && rm -rf /var/lib/apt/lists/*"])
  }

  /// Installs ast from the package that this machine has it from, if it is from one, and these package files, with what
  /// they need from the archive.
  func install(_ files: [PackageFile], _ aptOptions: [AptOption]) throws {
    let directory: FilePath = "/ast-packages"
    let (inside, scratch) = (root.pushing("ast-packages"), root.pushing("ast-packages/ast"))
    try Files.makeDirectory(inside)
    var names: [String] = []
    for file in files {
      names.append("\(names.count).deb")
      try ChildProcess("cp", ["--", file.path.string, inside.appending(names[names.count - 1]).string]).run()
    }
    if !files.contains(where: { $0.package == OwnPackage.name }), let own = try OwnPackage.ofThisProgram() {
      names.append("ast.deb")
      try own.write(to: inside.appending("ast.deb"), scratch: scratch)
    }
    if !names.isEmpty { try installByApt(names.map { directory.appending($0).string }, aptOptions) }
    try run(["rm", "-rf", directory.string])
  }

  /// Gives the system its name, language, accounts and network.
  func apply(_ answers: BootstrapAnswers) throws {
    try write("\(answers.hostname)\n", to: "/etc/hostname")
    try write(Self.hosts(answers.hostname), to: "/etc/hosts")
    // Empty: systemd gives each machine its own at its first start (machine-id(5)).
    try write("", to: "/etc/machine-id")
    try run(["rm", "-f", "/var/lib/dbus/machine-id"])
    try setUpNetwork()
    try setLanguage(answers)
    try makeAccounts(answers)
    try setUpConsole(answers.serial)
  }

  /// Writes the table of file systems, and makes the places where they are mounted.
  ///
  /// - Parameter more: mounts besides those of every system.
  func writeTable(system: UUID, boot: VolumeID, and more: [Fstab.Entry]) throws {
    let layout = Fstab.layout(fileSystem: system.uuidString.lowercased(), efiPartition: "\(boot)") + more
    let heading = "# <file system> <mount point> <type> <options> <dump> <pass>\n"
    let table = Fstab(heading.utf8).completing(with: layout)
    try write(String(decoding: table.content, as: UTF8.self), to: "/etc/fstab")
    for mount in layout where mount.mountPoint != "/" { try files.makeDirectory(mount.mountPoint) }
  }

  /// Writes the table of encrypted disks.
  ///
  /// - Parameter volume: the UUID of the LUKS volume that the system is in.
  func writeEncryption(of volume: String) throws {
    let heading = "# <name> <device> <key file> <options>\n"
    try write(heading + NewEncryptedVolume.entry(uuid: volume), to: "/etc/crypttab")
    try write(Self.tableInInitrd, to: AdoptedBootVolume.dracutSetting)
  }

  /// Installs the files that every node carries, and this program, unless a package has brought this version.
  func installSystem(version: String) throws {
    let installed = try PackageDatabase.installed(in: root) ?? []
    let hasPrograms = installed.contains { $0.name == OwnPackage.name && $0.version == version }
    try installSystemFiles(into: root, hasPrograms: hasPrograms)
    // At its first start the system would do it only if it found /etc older than /usr.
    try run(["systemd-sysusers", "ast.conf"])
    // Every user may look at the tree, but not every user has /usr/sbin in PATH.
    try run(["ln", "-sfn", "../sbin/ast", "/usr/bin/ast"])
  }

  /// Makes the initrd anew if dracut(8) has made it: without the settings that ``installSystem(version:)`` has brought since, it
  /// starts the machine only that it was made on. The initrd of an encrypted system has the table of encrypted disks.
  func makeInitrdForAnyMachine(isEncrypted: Bool) throws {
    guard let maker = try Initrd.maker(in: root), maker == .dracut || isEncrypted,
      let version = try Kernels(in: root).newest
    else { return }
    try run(maker.command(for: version))
  }

  /// Moves the content of the base's data directories to the file systems that will be mounted there. The files that
  /// Debian gives root stay in the base too, for work in it without those file systems.
  func moveData(to top: FilePath) throws {
    for directory in ["home", "root", "srv"] {
      let (from, to) = ("\(root.appending(directory))/.", "\(top.appending("@\(directory)"))/")
      try ChildProcess("cp", ["--archive", "--reflink=auto", "--", from, to]).run()
    }
    try run(["sh", "-c", "rm -rf /home/* /root/.ssh"])
  }

  // MARK: Steps

  private func setUpNetwork() throws {
    let network = "[Match]\nName=en* eth*\n\n[Network]\nDHCP=yes\n"
    try write(network, to: "/etc/systemd/network/80-dhcp.network")
    try run(["systemctl", "--quiet", "enable", "systemd-networkd.service", "systemd-resolved.service"])
    try run(["ln", "-sf", "../run/systemd/resolve/stub-resolv.conf", "/etc/resolv.conf"])
  }

  private func setLanguage(_ answers: BootstrapAnswers) throws {
    if let locale = answers.locale, answers.needsLocale {
      try write("\(locale) \(locale.split(separator: ".").last ?? "UTF-8")\n", to: "/etc/locale.gen")
      try run(["locale-gen"])
    }
    if let locale = answers.locale {
      // Written by a shell, through the symbolic link that Debian 13 has there.
      try run(["sh", "-c", "printf 'LANG=%s\\n' \"$1\" >/etc/default/locale", "sh", locale])
    }
    if let timezone = answers.timezone {
      guard try files.contents(of: FilePath("/usr/share/zoneinfo/\(timezone)")) != nil else {
        throw AstError(.usage, "there is no time zone \(timezone)", hint: "the names are like Europe/Berlin")
      }
      try write("\(timezone)\n", to: "/etc/timezone")
      try run(["ln", "-sfn", "/usr/share/zoneinfo/\(timezone)", "/etc/localtime"])
    }
    if let keymap = answers.keymap {
      let parts = keymap.split(separator: ":", omittingEmptySubsequences: false)
      let (layout, variant) = (parts[0], parts.count > 1 ? parts[1] : "")
      let text = "XKBMODEL=\"pc105\"\nXKBLAYOUT=\"\(layout)\"\nXKBVARIANT=\"\(variant)\"\nXKBOPTIONS=\"\"\n"
      try write(text + "BACKSPACE=\"guess\"\n", to: "/etc/default/keyboard")
    }
  }

  private func makeAccounts(_ answers: BootstrapAnswers) throws {
    if let password = answers.rootPassword { try set(password, of: "root") }
    if let user = answers.user {
      try run(["useradd", "--create-home", "--shell", "/bin/bash", "--groups", "sudo", "--", user.name])
      if let password = user.password { try set(password, of: user.name) }
    }
    guard !answers.sshKeys.isEmpty else { return }
    let name = answers.user?.name ?? "root"
    let directory = FilePath(name == "root" ? "/root/.ssh" : "/home/\(name)/.ssh")
    try write(answers.sshKeys.map { "\($0)\n" }.joined(), to: directory.appending("authorized_keys"))
    try run(["chmod", "-R", "go=", directory.string])
    try run(["chown", "-R", "\(name):\(name)", directory.string])
    // An archive may have the keys of another machine.
    try run(["sh", "-c", "rm -f /etc/ssh/ssh_host_* && ssh-keygen -A"])
  }

  /// Sets a password. chpasswd(8) reads it, so that other processes do not see it, and hashes it as the system would.
  private func set(_ password: BootstrapAnswers.Password, of name: String) throws {
    let (reading, writing) = try makePipe()
    defer { try? reading.close() }
    // A line of this length fits into any pipe.
    do {
      try writing.closeAfter { _ = try writing.writeAll("\(name):\(password.text)\n".utf8) }
    } catch {
      throw AstError(.failed, "cannot give chpasswd the password of \(name): \(error)")
    }
    let result = try OutputRelay.standing(for: messages) { messages in
      let streams = StandardStreams.given(input: reading, output: messages, error: messages)
      return try sandbox().run(["chpasswd"] + (password.isHashed ? ["--encrypted"] : []), on: streams)
    }
    guard result.end.status == 0 else { throw AstError(.failed, "cannot set the password of \(name)") }
  }

  private func setUpConsole(_ serial: BootstrapAnswers.SerialConsole?) throws {
    if try files.contents(of: "/etc/default/grub") == nil { try write(Self.menuDefaults, to: "/etc/default/grub") }
    guard let serial else { return }
    try write(Self.menuOnSerialLine(serial), to: "/etc/default/grub.d/serial-console.cfg")
  }

  // MARK: In the sandbox

  /// Runs a program in the base.
  ///
  /// - Returns: the program's output if `capturing`; otherwise the messages get it.
  @discardableResult
  func run(
    _ command: [String], network: Sandbox.Network = .isolated, capturing: Bool = false
  ) throws -> [UInt8] {
    var printed: [UInt8] = []
    let status = try end(of: command, network) { piece in
      if capturing { printed += piece } else { _ = try? messages.writeAll(piece) }
    }
    guard status == 0 else {
      throw AstError(.failed, "`\(command.prefix(2).joined(separator: " "))` failed in the new system (\(status))")
    }
    return printed
  }

  /// Runs a program in the base, and returns its exit status.
  private func end(
    of command: [String], _ network: Sandbox.Network = .isolated, output: ([UInt8]) -> Void
  ) throws -> Int32 {
    try sandbox(network).run(command, output: output) { piece in _ = try? messages.writeAll(piece) }.status
  }

  private func sandbox(_ network: Sandbox.Network = .isolated) throws -> Sandbox {
    var sandbox = try store.sandbox(for: .base, at: root, network: network)
    sandbox.environment["DEBIAN_FRONTEND"] = "noninteractive"
    return sandbox
  }

  private func write(_ text: String, to file: FilePath) throws {
    do {
      try files.write(Data(text.utf8), to: file)
    } catch let error as FileError {
      throw AstError(.failed, "cannot write \(file) of the new system: \(error.errno)")
    }
  }
}

/// The files that it writes.
extension BootstrapBase {
  static func hosts(_ name: String) -> String {
    let short = name.split(separator: ".").first.map(String.init) ?? name
    return """
      127.0.0.1\tlocalhost
      127.0.1.1\t\(name)\(short == name ? "" : " \(short)")
      ::1\tlocalhost ip6-localhost ip6-loopback
      ff02::1\tip6-allnodes
      ff02::2\tip6-allrouters

      """
  }

  static let tableInInitrd = """
    # Disks that the initrd opens. With hostonly="no", dracut leaves the table out.
    install_items+=" /etc/crypttab "

    """

  private static let menuDefaults = """
    # Read by grub-mkconfig; see `info -f grub -n 'Simple configuration'`. Takes effect when the node is deployed.
    GRUB_DEFAULT=0
    GRUB_TIMEOUT=5
    GRUB_DISTRIBUTOR=Debian
    GRUB_CMDLINE_LINUX_DEFAULT="quiet"
    GRUB_CMDLINE_LINUX=""

    """

  static func menuOnSerialLine(_ serial: BootstrapAnswers.SerialConsole) -> String {
    """
    GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX console=tty0 console=ttyS\(serial.unit),\(serial.speed)"
    GRUB_TERMINAL="serial console"
    GRUB_SERIAL_COMMAND="serial --unit=\(serial.unit) --speed=\(serial.speed)"

    """
  }
}
