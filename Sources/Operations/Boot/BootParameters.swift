import Host
import FoundationEssentials
import Grub
import SnapshotTree

/// The parameters of this boot on the kernel's command line: what the boot menu wanted to boot, and why.
public struct BootParameters: Hashable, Sendable {
  /// The deployment to boot; nil on trial, and if ast's menu did not boot this machine.
  public private(set) var deployment: DeploymentID?
  /// The node to boot on trial.
  public private(set) var trial: NodeID?
  /// The deployment that did not come up, so that this one boots instead.
  public private(set) var fallback: DeploymentID?
  /// Whether this deployment is not proven yet, so that restarting the machine finally leads to another one.
  public private(set) var isTry = false
  /// Whether GRUB started the kernel: it names the file that it has loaded (`BOOT_IMAGE=`, include/grub/lib/cmdline.h).
  public private(set) var isFromGrub = false

  /// The parameters on a command line. The menu's parameters stand before the user's, and words after `--` are for
  /// init.
  public init(commandLine: String) {
    for word in KernelArguments(commandLine).words.prefix(while: { $0 != "--" }).reversed() {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let value = parts.count == 2 ? parts[1] : ""
      switch parts.first {
      case "ast.deployment": deployment = DeploymentID(value)
      case "ast.trial": trial = value.split(separator: "/").first.flatMap { NodeID($0) }
      case "ast.fallback": fallback = DeploymentID(value)
      case "ast.try": isTry = true
      case "BOOT_IMAGE": isFromGrub = true
      default: continue
      }
    }
  }

  /// The parameters of this boot.
  public static func current() throws -> BootParameters {
    BootParameters(commandLine: try Files.text(of: "/proc/cmdline"))
  }
}
