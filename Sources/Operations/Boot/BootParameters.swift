import FoundationEssentials
import Grub
import SnapshotTree

/// What the boot menu told the kernel, and with it this boot: what it wanted to boot, and why.
public struct BootParameters: Hashable, Sendable {
  /// The deployment that was to boot; nil on trial, and where the menu of ast did not boot this machine.
  public private(set) var deployment: DeploymentID?
  /// The node that was to boot on trial.
  public private(set) var trial: NodeID?
  /// The deployment that this one boots instead of, because it did not come up.
  public private(set) var fallback: DeploymentID?
  /// Whether restarting the machine leads to another deployment in the end: this one has yet to prove itself.
  public private(set) var isTry = false
  /// Whether GRUB started the kernel: it names the file that it has loaded (`BOOT_IMAGE=`, include/grub/lib/cmdline.h).
  public private(set) var isFromGrub = false

  /// The parameters on a command line. Those of the menu stand before those of the user, and what comes after `--` is
  /// for init.
  public init(commandLine: String) {
    for word in KernelArguments(commandLine).words.prefix(while: { $0 != "--" }).reversed() {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let value = parts.count == 2 ? parts[1] : ""
      switch parts.first {
      case "ast.deployment": deployment = Int(value).map { DeploymentID($0) }
      case "ast.trial": trial = value.split(separator: "/").first.flatMap { Int($0) }.map { NodeID($0) }
      case "ast.fallback": fallback = Int(value).map { DeploymentID($0) }
      case "ast.try": isTry = true
      case "BOOT_IMAGE": isFromGrub = true
      default: continue
      }
    }
  }

  /// Those of this boot.
  public static func current() throws -> BootParameters {
    BootParameters(commandLine: try String(contentsOfFile: "/proc/cmdline", encoding: .utf8))
  }
}
