import ArgumentParser
import DebianFormats
import FoundationEssentials
import Glibc
import Machines
import SystemPackage

/// The options that choose what is installed in a new system.
struct BootstrapSource: ParsableArguments {
  @Option(help: ArgumentHelp("The Debian release to install (default: trixie).", valueName: "suite"))
  var suite: String?
  @Option(help: ArgumentHelp("The variant: minimal, or one of mmdebstrap(1).", valueName: "variant"))
  var variant: String?
  @Option(help: ArgumentHelp("The mirror (default: this machine's own apt sources).", valueName: "url"))
  var mirror: String?
  @Option(help: ArgumentHelp("Start from a tar archive of a root file system.", valueName: "file"))
  var tarball: String?
  @Option(
    help: ArgumentHelp(
      "The kernel package (default: \(DebianArchitecture.current.kernelPackage)).", valueName: "package"))
  var kernel: String?
  @Option(
    help: ArgumentHelp(
      "Additional packages, separated by commas: names, and package files, whose paths have a slash.",
      valueName: "packages"))
  var include: String?
  @Option(help: ArgumentHelp("An option for apt, like Acquire::Check-Valid-Until=false.", valueName: "name=value"))
  var aptOption: [AptOption] = []

  func validate() throws {
    guard tarball == nil || (suite ?? variant ?? mirror) == nil else {
      throw ValidationError("--tarball excludes --suite, --variant and --mirror")
    }
  }
}

/// The options that configure a new system.
struct BootstrapSystem: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A TOML file with answers; its keys are the names of these options. It has the passwords, in clear text or hashed.",
      valueName: "file"))
  var answers: String?
  @Option(help: ArgumentHelp("The machine's name (default: debian).", valueName: "name"))
  var hostname: String?
  @Option(help: ArgumentHelp("Its language, like de_DE.UTF-8.", valueName: "locale"))
  var locale: String?
  @Option(help: ArgumentHelp("Its time zone, like Europe/Berlin.", valueName: "zone"))
  var timezone: String?
  @Option(help: ArgumentHelp("Its keyboard, like de or de:nodeadkeys.", valueName: "layout"))
  var keymap: String?
  @Option(help: ArgumentHelp("Root's password: the first line of this file (default: none).", valueName: "file"))
  var rootPassword: String?
  @Option(help: ArgumentHelp("A user who may use sudo.", valueName: "name"))
  var user: String?
  @Option(help: ArgumentHelp("The user's password: the first line of this file.", valueName: "file"))
  var userPassword: String?
  @Option(help: ArgumentHelp("SSH keys of the user, or of root: a file of public keys.", valueName: "file"))
  var sshKey: [String] = []
  @Option(help: ArgumentHelp("A serial line for menu and login, like ttyS0,115200.", valueName: "line"))
  var serial: BootstrapAnswers.SerialConsole?

  func validate() throws {
    guard userPassword == nil || user != nil else { throw ValidationError("--user-password needs --user") }
  }
}

extension BootstrapAnswers.SerialConsole: ExpressibleByArgument {
  /// Reads `ttyS0,115200`.
  public init?(argument: String) { self.init(argument) }
}

extension AptOption: ExpressibleByArgument {
  /// Reads the argument.
  public init?(argument: String) { self.init(argument) }
}
