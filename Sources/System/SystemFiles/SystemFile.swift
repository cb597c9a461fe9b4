public import SystemPackage

/// A file that every node has, so that it boots as a deployment. Its content is in `files` or `units`, and part of the program.
public struct SystemFile: Hashable, Sendable {
  /// The kinds of file.
  public enum Kind: Hashable, Sendable {
    /// A file with this content.
    case file([UInt8])
    /// A file with this content at first, which belongs to the administrator once it exists.
    case configuration([UInt8])
    /// A program with this content.
    case program([UInt8])
    /// A symbolic link to this target.
    case link(String)
  }

  /// Its path in a node.
  public let path: FilePath
  /// Its kind.
  public let kind: Kind

  private init(_ path: FilePath, _ kind: Kind) {
    self.path = path
    self.kind = kind
  }

  /// All system files. The links that start a unit are below /usr, beside the unit: /etc belongs to the administrator.
  public static let all: [SystemFile] =
    [
      SystemFile("/etc/grub.d/09_ast", .program(PackageResources.grub_menu)),
      SystemFile("/etc/apt/apt.conf.d/90ast", .file(PackageResources.apt_conf)),
      SystemFile("/etc/dpkg/dpkg.cfg.d/ast", .file(PackageResources.dpkg_cfg)),
      SystemFile("/usr/lib/dracut/dracut.conf.d/90-ast.conf", .file(PackageResources.dracut_conf)),
      SystemFile("/etc/ast/health.d/README", .file(PackageResources.health_README)),
      SystemFile("/etc/ast/ast.toml", .configuration(PackageResources.ast_toml)),
      SystemFile("/usr/lib/sysusers.d/ast.conf", .file(PackageResources.sysusers_conf)),
      // Every user may look at the tree.
      SystemFile("/usr/bin/ast", .link("../sbin/ast")),
      SystemFile("/usr/lib/ast/merge", .link("../../sbin/ast")),
      SystemFile("/usr/lib/ast/explain", .link("../../sbin/ast")),
      SystemFile("/usr/lib/ast/cover", .program(PackageResources.cover)),
      SystemFile("/usr/lib/ast/mount-etc", .program(PackageResources.mount_etc)),
      SystemFile("/usr/lib/ast/refuse-packages", .program(PackageResources.refuse_packages)),
      SystemFile("/usr/lib/systemd/system-sleep/ast", .program(PackageResources.after_sleep)),
      unit("ast-adopt.service", PackageResources.ast_adopt_service),
      unit("ast-boot-complete.service", PackageResources.ast_boot_complete_service),
      unit("ast-boot-complete.timer", PackageResources.ast_boot_complete_timer),
      unit("ast-cover.service", PackageResources.ast_cover_service),
      unit("ast-emergency.service", PackageResources.ast_emergency_service),
      unit("ast-etc.service", PackageResources.ast_etc_service),
      unit("ast-gc.service", PackageResources.ast_gc_service),
      unit("ast-gc.timer", PackageResources.ast_gc_timer),
      unit("ast-health.service", PackageResources.ast_health_service),
      unit("ast-products.service", PackageResources.ast_products_service),
      unit("ast-stop.service", PackageResources.ast_stop_service),
      unit("ast-upgrade.service", PackageResources.ast_upgrade_service),
      unit("ast-upgrade.timer", PackageResources.ast_upgrade_timer),
      unit("ast-var.service", PackageResources.ast_var_service),
      unit("ast-watchdog.service", PackageResources.ast_watchdog_service),
      unit("ast-watchdog.timer", PackageResources.ast_watchdog_timer),
      dependency("emergency.target.wants", on: "ast-emergency.service"),
      dependency("local-fs.target.wants", on: "ast-adopt.service"),
      dependency("local-fs.target.wants", on: "ast-etc.service"),
      dependency("local-fs.target.wants", on: "ast-var.service"),
      dependency("multi-user.target.wants", on: "ast-boot-complete.timer"),
      dependency("multi-user.target.wants", on: "ast-products.service"),
      dependency("sysinit.target.wants", on: "ast-cover.service"),
      dependency("sysinit.target.wants", on: "ast-stop.service"),
      dependency("sysinit.target.wants", on: "ast-watchdog.timer"),
      dependency("timers.target.wants", on: "ast-gc.timer"),
      dependency("timers.target.wants", on: "ast-upgrade.timer"),
    ]

  private static let units: FilePath = "/usr/lib/systemd/system"

  private static func unit(_ name: FilePath.Component, _ content: [UInt8]) -> SystemFile {
    SystemFile(units.appending(name), .file(content))
  }

  private static func dependency(_ directory: FilePath.Component, on name: FilePath.Component) -> SystemFile {
    SystemFile(units.appending(directory).appending(name), .link("../\(name)"))
  }
}
