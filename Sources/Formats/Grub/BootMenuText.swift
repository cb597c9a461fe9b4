import SystemPackage

/// The menu in GRUB's script language (GRUB manual, 6 "Writing full configuration files"). The functions at the top keep
/// the entries short: the administrator of a machine that does not boot has to read them.
extension BootMenu {
  /// The contents of `ast/menu.cfg`.
  public var text: String {
    let parts = [
      heading, boot, environmentFunctions, deployments.map(function).joined(separator: "\n"), trial,
      before?.function(on: fileSystem) ?? "", defaults, deploymentEntries, before == nil ? "" : Before.entry, treeMenu,
      degradedEntry,
    ]
    return parts.filter { !$0.isEmpty }.joined(separator: "\n")
  }

  /// The module that reads a boot volume has read this file.
  private var heading: String {
    """
    # The boot menu of ast, written anew by each change: what is edited here is lost.
    # GRUB for EFI is signed as a whole: it has its modules in it, and loads no others.
    \(volume == nil ? "if [ \"$grub_platform\" = pc ]; then insmod btrfs; fi\n" : "")
    """
  }

  /// The function that boots. The video modules are those that `load_video` of grub-mkconfig loads; `linux_gfx_mode` is
  /// the admin's choice, from grub.cfg.
  private var boot: String {
    """
    # ast_boot SUBVOLUME KERNEL INITRD ARGUMENT...: boots a system; returns only if that is not possible.
    # A deployment begins with a program that brings /etc up to date, unless an argument names another first program.
    function ast_boot {
      set ast_subvolume="$1"
      set ast_kernel="\(volume == nil ? "/$1" : "")$2"
      set ast_initrd="\(volume == nil ? "/$1" : "")$3"
      set ast_init=
      set ast_more=
      shift 3
      if [ "$grub_platform" = pc ]; then insmod gzio; insmod all_video; fi
      if [ -n "$linux_gfx_mode" ]; then set gfxpayload="$linux_gfx_mode"; fi
      search --no-floppy --fs-uuid --set=root \(GrubScript.word(volume?.fileSystem ?? fileSystem))
      if [ ! -f "$ast_kernel" ]; then echo "$ast_kernel is missing."; return 1; fi
      if [ ! -f "$ast_initrd" ]; then echo "$ast_initrd is missing."; return 1; fi
      if [ -n "$ast_deployment"\(volume == nil ? " -a -f \"/$ast_subvolume\(Self.startProgram)\"" : "") ]; then
        set ast_init=init=\(Self.startProgram)
        if [ -f "\(units)" ]; then set ast_more="\(units)"; fi
        if [ "$grub_platform" = pc ]; then insmod regexp; fi
        for ast_word in "$@"; do
          if regexp '^init=' "$ast_word"; then set ast_init=; set ast_more=; fi
          if regexp '^ast[.]init=' "$ast_word"; then set ast_more=; fi
        done
      fi
      echo "Loading $ast_kernel ..."
      if linux "$ast_kernel" \(GrubScript.word("root=UUID=\(fileSystem)")) "rootflags=\(hasSeveralDevices ? "${ast_degraded}" : "")subvol=$ast_subvolume" ro \(resumeWords)$ast_init "$@"; then
        if initrd "$ast_initrd" $ast_more; then boot; fi
      fi
    }

    """
  }

  private var units: String { "$prefix/\(directory)/\(StartUnits.name)" }

  private var resumeWords: String { resume.map { "\(GrubScript.word($0)) " }.joined() }

  /// The first program of a deployment's start, in its root; it reads the word `ast.init=`.
  private static let startProgram = "/usr/lib/ast/init"

  /// `$@` without quotes, because GRUB makes an empty word of an empty `"$@"`; these are words of ast.
  private func function(_ deployment: Deployment) -> String {
    """
    function ast_boot_\(deployment.id) {
      set ast_deployment=\(deployment.system.copies?.hasStartProgram ?? true ? "\(deployment.id)" : "")
      ast_boot \(words(deployment.system, before: ["ast.deployment=\(deployment.id)"] + takingOver + ["$@"]))
    }

    """
  }

  private var trial: String {
    guard !nodes.isEmpty else { return "" }
    let own = ([GrubScript.word("systemd.machine_id=\(machineID)")] + takingOver).joined(separator: " ")
    return """
      # ast_trial NODE/GENERATION SUBVOLUME KERNEL INITRD ARGUMENT...: boots a node that is not deployed.
      function ast_trial {
        set ast_trial="ast.trial=$1"
        set ast_subvolume="$2"
        set ast_kernel="$3"
        set ast_initrd="$4"
        set ast_deployment=
        shift 4
        ast_boot "$ast_subvolume" "$ast_kernel" "$ast_initrd" "$ast_trial" \(own) "$@"
      }

      """
  }

  /// The words after `ast_boot`: the paths, and the kernel arguments, those of ast before those of the user.
  private func words(_ system: System, before own: [String] = []) -> String {
    let subvolume = store.relative.pushing(system.subvolume.relative)
    let configured = KernelArguments(system.arguments).booting(subvolume.string).filter { word in
      resume.isEmpty || !KernelArguments.saysWhereToResume(word)
    }
    let arguments = (own.isEmpty ? configured : configured.map(Self.deferringInit)).map { GrubScript.word($0) }
    let place = [
      GrubScript.word(subvolume.string), GrubScript.word(system.copies?.kernel ?? system.kernel),
      GrubScript.word(system.copies?.initrd ?? system.initrd),
    ]
    return (place + own + arguments).joined(separator: " ")
  }
}

extension BootMenu {
  /// A configured argument of a deployment. A first program that the node names is the next one here.
  private static func deferringInit(_ word: String) -> String { word.hasPrefix("init=") ? "ast.\(word)" : word }
}

/// The entries.
extension BootMenu {
  /// The most entries of a submenu: GRUB is slow to draw and to load more.
  static let pageLength = 50

  /// The files beside `ast/menu.cfg` by name, and their contents: the entries of the snapshot tree.
  public var pages: [(name: String, text: String)] {
    slices.enumerated().map { index, nodes in
      (Self.pageName(index), nodes.map { trialEntry($0) }.joined(separator: "\n"))
    }
  }

  private var slices: [ArraySlice<System>] {
    stride(from: 0, to: nodes.count, by: Self.pageLength).map {
      nodes[$0..<min($0 + Self.pageLength, nodes.count)]
    }
  }

  private static func pageName(_ index: Int) -> String { "tree-\(index + 1).cfg" }

  private func trialEntry(_ system: System) -> String {
    let title = system.title
    return """
      menuentry \(GrubScript.word(title.line([]))) --class debian --id ast-trial-\(title.node) {
        ast_trial \(title.node)/\(title.generation) \(words(system))
      }

      """
  }

  /// The default and the one-time boot are in the first menu: GRUB finds its default there by the id alone.
  private var deploymentEntries: String {
    let once = once?.deployment == choice?.deployment ? nil : once
    let first = [choice?.deployment, once?.deployment].compactMap(\.self)
    let shown = first.compactMap { id in deployments.first { $0.id == id } }
    let others = deployments.filter { !first.contains($0.id) }
    let submenu = others.isEmpty ? [] : [Self.submenu("Other deployments", "ast-deployments", others.map(entry))]
    return (shown.map(entry) + submenu).joined(separator: "\n")
  }

  /// Deployments boot even if the admin has set a password for the menu: nobody could type it at an unattended boot.
  private func entry(_ deployment: Deployment) -> String {
    let id = deployment.id
    let marks = [("not booted yet", deployment.isTrying), ("pinned", deployment.isPinned)]
    let notes = ["deployment \(id)"] + marks.filter(\.1).map(\.0)
    return """
      menuentry \(GrubScript.word(deployment.system.title.line(notes))) --class debian --unrestricted --id ast-\(id) {
      \(body(deployment))
      }

      """
  }

  /// A deployment that has not been marked good gets the arguments that restart the machine when it fails, but only if
  /// another system boots in the end: because of a count, or another default.
  private func body(_ deployment: Deployment) -> String {
    let id = deployment.id
    guard deployment.isTrying else { return "  ast_boot_\(id)" }
    guard id == choice?.deployment else { return "  ast_boot_\(id) \(Self.trying)" }
    guard let fallback = fallback(from: id) else { return "  ast_boot_\(id)" }
    let attempt =
      environment == nil ? "  ast_boot_\(id)" : "  if ast_count; then ast_boot_\(id) $ast_try; fi"
    return """
      \(attempt)
        echo 'Deployment \(id) does not start: falling back to \(fallback.name).'
        \(fallback.command)
      """
  }

  /// The system that boots when a deployment does not: the last good one, or else the system from before ast.
  private func fallback(from id: Int) -> (name: String, command: String)? {
    if let other = choice?.fallback, other != id, deployments.contains(where: { $0.id == other }) {
      return ("deployment \(other)", "ast_boot_\(other) ast.fallback=\(id)")
    }
    return before == nil ? nil : ("the system before ast", Before.command)
  }

  /// Otherwise a kernel that panics waits for ever, and so does an initramfs that does not find the root.
  static let trying = "ast.try panic=10"

  private static func submenu(_ title: String, _ id: String, _ entries: [String]) -> String {
    """
    submenu \(GrubScript.word(title)) --unrestricted --id \(id) {
    \(entries.joined(separator: "\n"))}

    """
  }

  /// btrfs writes to a disk that is alone only if it is told so (`degraded`, btrfs(5)). That is for people to decide: a
  /// disk that is found too late would miss what is written meanwhile.
  private var degradedEntry: String {
    guard hasSeveralDevices, let choice, deployments.contains(where: { $0.id == choice.deployment }) else { return "" }
    return """
      menuentry 'Start with a disk missing' --class debian --id ast-degraded {
        set ast_degraded=degraded,
        ast_boot_\(choice.deployment)
      }

      """
  }

  /// A submenu whose entries are read from their files when it is opened; with more than one file, one of submenus.
  private var treeMenu: String {
    guard !nodes.isEmpty else { return "" }
    let pages = slices.enumerated().map { index, nodes in
      (
        title: Self.range(nodes), id: "ast-tree-\(index + 1)",
        body: "source $prefix/\(directory)/\(Self.pageName(index))\n"
      )
    }
    let body =
      pages.count == 1
      ? pages.map(\.body) : pages.map { Self.submenu($0.title, $0.id, [$0.body]) }
    return Self.submenu("Snapshot tree", "ast-tree", body)
  }

  private static func range(_ nodes: ArraySlice<System>) -> String {
    "Nodes \(nodes.first?.title.node ?? 0) to \(nodes.last?.title.node ?? 0)"
  }
}
