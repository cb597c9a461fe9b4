import FoundationEssentials
import Grub
import SystemPackage
import TestSupport
import Testing

/// The boot menu as text; what GRUB does with it stands in `Tests/Boot/grub`.
struct BootMenuTests {
  @Test func aWholeMenu() throws {
    let menu = BootMenu(
      fileSystem: "1111-2222", machineID: "0123", environment: BootEnvironmentPlace(fileSystem: "371B-DDF0"),
      deployments: [
        BootMenu.Deployment(id: 7, system: deployed(7, "quiet console=tty0"), isTrying: true),
        BootMenu.Deployment(id: 6, system: deployed(6), isPinned: true),
        BootMenu.Deployment(id: 5, system: deployed(5)),
      ],
      choice: BootMenu.Choice(deployment: 7, token: 12, fallback: 6), once: BootMenu.Once(deployment: 5, token: 13),
      nodes: [trial(2), trial(1)])
    #expect(menu.text == wholeMenu)
    #expect(menu.pages.map(\.name) == ["tree-1.cfg"])
    #expect(menu.pages.map(\.text) == [wholePage])
    try check(menu)
  }

  @Test(arguments: [
    (nil, true, "ast_before", "the system before ast"), (6, true, "ast_boot_6 ast.fallback=7", "deployment 6"),
    (nil, false, nil, nil),
  ])
  func theFallbackIsAGoodDeploymentOrWhatWasThereBefore(
    good: Int?, hasBefore: Bool, command: String?, name: String?
  ) throws {
    var menu = BootMenu(
      fileSystem: "1111-2222", machineID: "0123", environment: BootEnvironmentPlace(fileSystem: "371B-DDF0"),
      deployments: [7, 6].map { BootMenu.Deployment(id: $0, system: deployed($0), isTrying: $0 == 7) },
      choice: BootMenu.Choice(deployment: 7, token: 12, fallback: good))
    if hasBefore { menu.before = BootMenu.Before(directory: "/@rootfs/boot/grub", hasData: false) }
    let body = command.map { command in
      """
        if ast_count; then ast_boot_7 $ast_try; fi
        echo 'Deployment 7 does not start: falling back to \(name ?? "").'
        \(command)
      }
      """
    }
    #expect(menu.text.contains(body ?? "--id ast-7 {\n  ast_boot_7\n}"))
    #expect(menu.text.contains("--id ast-before {\n  ast_before\n}") == hasBefore)
    #expect(menu.text.contains("set prefix=\"($root)\"'/@rootfs/boot/grub'\n") == hasBefore)
    try check(menu)
  }

  @Test func whatWasThereBeforeMayStartFromAnotherFileSystem() throws {
    var menu = BootMenu(
      fileSystem: "1111-2222", machineID: "0123", deployments: [BootMenu.Deployment(id: 7, system: deployed(7))])
    menu.before = BootMenu.Before(directory: "/grub", on: "3333-4444", hasData: false)
    let search = "search --no-floppy --fs-uuid --set=root '3333-4444'\n  set prefix=\"($root)\"'/grub'\n"
    #expect(menu.text.contains(search) && menu.text.contains("--set=root '1111-2222'"))
    try check(menu)
  }

  @Test func aDiskMayBeMissing() throws {
    var menu = BootMenu(
      fileSystem: "1111-2222", machineID: "0123", deployments: [BootMenu.Deployment(id: 7, system: deployed(7))],
      choice: BootMenu.Choice(deployment: 7, token: 12))
    #expect(!menu.text.contains("degraded"))
    menu.hasSeveralDevices = true
    #expect(menu.text.contains("\"rootflags=${ast_degraded}subvol=$ast_subvolume\""))
    #expect(menu.text.contains("--id ast-degraded {\n  set ast_degraded=degraded,\n  ast_boot_7\n}"))
    try check(menu)
    menu.choice = nil
    #expect(!menu.text.contains("ast-degraded"))
    try check(menu)
  }

  @Test(arguments: [true, false]) func dataAreTakenOverByWhateverBootsFirst(hasData: Bool) throws {
    var menu = BootMenu(
      fileSystem: "1111-2222", machineID: "0123",
      deployments: [BootMenu.Deployment(id: 7, system: deployed(7))], nodes: [trial(1)])
    menu.before = BootMenu.Before(directory: "/boot/grub", hasData: hasData)
    #expect(menu.text.contains("ast.deployment=7\(hasData ? " ast.adopt" : "") $@"))
    #expect(menu.text.contains("systemd.machine_id=0123'\(hasData ? " ast.adopt" : "") \"$@\""))
    try check(menu)
  }

  /// GRUB cannot look into the roots then, so the menu says whether they have the first program of ast.
  @Test func aBootVolumeHasTheKernels() throws {
    var menu = BootMenu(
      fileSystem: "1111-2222", machineID: "0123",
      deployments: [7, 6].map { BootMenu.Deployment(id: $0, system: deployed($0)) }, nodes: [trial(1)])
    menu.volume = BootMenu.Volume(fileSystem: "3333-4444")
    menu.directory = BootMenu.directory(ofSlot: 1)
    for index in menu.deployments.indices {
      menu.deployments[index].system.copies = BootMenu.Copies(
        kernel: "ast/boot/aa", initrd: "ast/boot/bb", hasStartProgram: index == 0)
    }
    menu.nodes[0].copies = BootMenu.Copies(kernel: "ast/boot/aa", initrd: "ast/boot/cc", hasStartProgram: true)
    let text = menu.text
    #expect(!text.contains("insmod btrfs") && !text.contains("/$1$2") && !text.contains("/$ast_subvolume/"))
    #expect(text.contains("set ast_kernel=\"$2\"") && text.contains("--set=root '3333-4444'"))
    #expect(text.contains("if [ -n \"$ast_deployment\" ]; then") && text.contains("'root=UUID=1111-2222'"))
    #expect(text.contains("if [ -f \"$prefix/ast/slot-1/merge.cpio\" ]"))
    #expect(text.contains("source $prefix/ast/slot-1/tree-1.cfg\n"))
    #expect(text.contains("set ast_deployment=7\n  ast_boot '@snapshots/deploy/7/root' '/ast/boot/aa' '/ast/boot/bb' "))
    #expect(text.contains("set ast_deployment=\n  ast_boot '@snapshots/deploy/6/root' '/ast/boot/aa' '/ast/boot/bb' "))
    #expect(menu.pages[0].text.contains("  ast_trial 1/3 '@snapshots/nodes/1/3' '/ast/boot/aa' '/ast/boot/cc' 'quiet'"))
    try check(menu)
  }

  @Test func aMenuOfNothing() throws {
    let menu = BootMenu(fileSystem: "1111-2222", machineID: "0123")
    #expect(!menu.text.contains("menuentry") && !menu.text.contains("default="))
    #expect(menu.pages.isEmpty)
    try check(menu)
  }

  @Test(arguments: [(0, [], 0), (50, [50], 1), (51, [50, 1], 3), (120, [50, 50, 20], 4)])
  func aPageHasFiftyEntries(count: Int, pages: [Int], submenus: Int) throws {
    var menu = BootMenu(fileSystem: "1111-2222", machineID: "0123")
    menu.nodes = (0..<count).map(trial)
    #expect(menu.pages.map { occurrences(of: "menuentry ", in: $0.text) } == pages)
    #expect(menu.pages.map(\.name) == pages.indices.map { "tree-\($0 + 1).cfg" })
    #expect(occurrences(of: "submenu ", in: menu.text) == submenus)
    try check(menu)
  }

  @Test(arguments: [
    ("plain", "plain - node"),
    ("", "Node"),
    ("it's", #"it'\''s - node"#),
    (#"a "$5" `id` \ {x}; # end"#, #"a "$5" `id` \ {x}; # end - node"#),
    ("two\nlines,\ta\u{0} \u{1B}[31m bell\u{7}", "two lines, a [31m bell - node"),
    ("turned \u{202E}round", "turned round - node"),
    ("\u{1F427} na\u{EF}ve", "\u{1F427} na\u{EF}ve - node"),
    (String(repeating: "x", count: 40), String(repeating: "x", count: 40) + " - node"),
    (String(repeating: "x", count: 4096), String(repeating: "x", count: 37) + "... - node"),
  ])
  func aTitleIsOneHarmlessLine(description: String, shown: String) throws {
    var menu = BootMenu(fileSystem: "1111-2222", machineID: "0123")
    menu.nodes = [trial(1)]
    menu.nodes[0].title.description = description
    let expected = "menuentry '\(shown) 1 (generation 3, 2026-11-21 09:00 UTC) - Debian 13' --class"
    let first = try #require(menu.pages.first?.text.split(separator: "\n").first)
    #expect(first.hasPrefix(expected), "\(first)")
    try check(menu)
  }

  /// What tells entries apart is on a screen of 80 columns, in a box with a mark and an arrow.
  @Test func whatCountsComesFirst() throws {
    var menu = BootMenu(fileSystem: "1111-2222", machineID: "0123")
    var system = deployed(123)
    system.title = BootMenuTitle(
      node: 4567, generation: 3, date: Date(), description: String(repeating: "x", count: 99),
      system: String(repeating: "y", count: 999))
    menu.deployments = [.init(id: 1234, system: system, isTrying: true)]
    let entry = try #require(menu.text.split(separator: "\n").first { $0.hasPrefix("menuentry '") })
    let title = entry.dropFirst("menuentry '".count).prefix { $0 != "'" }
    #expect(title.prefix(74).hasSuffix("x... - node 4567, deployment 1234, not booted yet"), "\(title)")
    #expect(title.count == 200)
    try check(menu)
  }

  @Test(arguments: [
    ("", ""),
    ("  quiet \t splash\n", " 'quiet' 'splash'"),
    (#"dyndbg="file a +p" x="""#, " 'dyndbg=file a +p' 'x='"),
    (#"a="one"#, " 'a=one'"),
    (#"$x 'y' \z ; {"#, #" '$x' ''\''y'\''' '\z' ';' '{'"#),
    ("rootflags=compress=zstd", " 'rootflags=subvol=@snapshots/nodes/1/3,compress=zstd'"),
  ])
  func argumentsAreWords(arguments: String, words: String) throws {
    var menu = BootMenu(fileSystem: "1111-2222", machineID: "0123")
    menu.nodes = [trial(1)]
    menu.nodes[0].arguments = arguments
    let line = "\n  ast_trial 1/3 '@snapshots/nodes/1/3' '/boot/vmlinuz-1' '/boot/initrd.img-1'\(words)\n}\n"
    #expect(menu.pages.map { $0.text.hasSuffix(line) } == [true], "\(menu.pages)")
    try check(menu)
  }

  /// One system that does not look for the memory of another would destroy file systems that the other one uses.
  @Test func everyKernelLooksForTheMemoryInTheSamePlace() throws {
    var menu = BootMenu(fileSystem: "1111-2222", machineID: "0123")
    menu.nodes = [trial(1)]
    menu.nodes[0].arguments = "resume=/dev/sdz1 quiet noresume resume_offset=1"
    #expect(menu.pages[0].text.contains(" 'resume=/dev/sdz1' 'quiet' 'noresume' 'resume_offset=1'\n"), "\(menu.pages)")
    #expect(menu.text.contains(#""rootflags=subvol=$ast_subvolume" ro $ast_init"#), "\(menu.text)")
    menu.resume = ["resume=UUID=a", "resume_offset=7"]
    #expect(menu.pages[0].text.contains(" '/boot/initrd.img-1' 'quiet'\n"), "\(menu.pages)")
    let line = #""rootflags=subvol=$ast_subvolume" ro 'resume=UUID=a' 'resume_offset=7' $ast_init "$@"; then"#
    #expect(menu.text.contains(line), "\(menu.text)")
    try check(menu)
  }

  @Test(arguments: [
    (1, #"    else set ast_left=0\#n    fi"#),
    (
      4,
      """
          elif [ "$ast_left" = 1 ]; then set ast_left=0
          elif [ "$ast_left" = 2 ]; then set ast_left=1
          elif [ "$ast_left" = 3 ]; then set ast_left=2
          else set ast_left=3
          fi
      """
    ),
  ])
  func triesAreCountedByComparing(tries: Int, steps: String) throws {
    var menu = BootMenu(
      fileSystem: "1111-2222", machineID: "0123", environment: BootEnvironmentPlace(fileSystem: "371B-DDF0"))
    menu.choice = BootMenu.Choice(deployment: 7, token: 12, tries: tries, fallback: 6)
    #expect(menu.text.contains("then return 1\n\(steps)\n"), "\(menu.text)")
    try check(menu)
  }

  @Test(arguments: [
    ("good", false, 6, "  ast_boot_7\n}"),
    ("nothing to fall back to", true, nil, "  ast_boot_7\n}"),
    (
      "trying", true, 6,
      """
        if ast_count; then ast_boot_7 $ast_try; fi
        echo 'Deployment 7 does not start: falling back to deployment 6.'
        ast_boot_6 ast.fallback=7
      }
      """
    ),
  ])
  func theDefaultIsTriedUntilItIsGood(name: String, isTrying: Bool, fallback: Int?, body: String) throws {
    var menu = BootMenu(
      fileSystem: "1111-2222", machineID: "0123", environment: BootEnvironmentPlace(fileSystem: "371B-DDF0"))
    menu.deployments = [7, 6].map { BootMenu.Deployment(id: $0, system: deployed($0), isTrying: isTrying && $0 == 7) }
    menu.choice = BootMenu.Choice(deployment: 7, token: 12, fallback: fallback)
    #expect(menu.text.contains("--id ast-7 {\n\(body)\n"), "\(menu.text)")
    try check(menu)
  }
}

/// GRUB's own parser takes every file.
private func check(_ menu: BootMenu) throws {
  for text in [menu.text] + menu.pages.map(\.text) { try runSuccessfully(["grub-script-check"], input: text) }
}

private func occurrences(of word: String, in text: String) -> Int {
  text.split(separator: "\n").count { $0.contains(word) && !$0.hasPrefix("#") }
}

private func deployed(_ id: Int, _ arguments: String = "quiet") -> BootMenu.System {
  BootMenu.System(
    title: title(id), subvolume: FilePath("deploy/\(id)/root"), kernel: "/boot/vmlinuz-1",
    initrd: "/boot/initrd.img-1", arguments: arguments)
}

private func trial(_ node: Int) -> BootMenu.System {
  BootMenu.System(
    title: title(node), subvolume: FilePath("nodes/\(node)/3"), kernel: "boot/vmlinuz-1",
    initrd: "boot/initrd.img-1", arguments: "quiet")
}

private func title(_ node: Int) -> BootMenuTitle {
  BootMenuTitle(
    node: node, generation: 3, date: Date(timeIntervalSince1970: 1_795_251_600), description: "a web server",
    system: "Debian 13")
}

private let wholePage = #"""
  menuentry 'a web server - node 2 (generation 3, 2026-11-21 09:00 UTC) - Debian 13' --class debian --id ast-trial-2 {
    ast_trial 2/3 '@snapshots/nodes/2/3' '/boot/vmlinuz-1' '/boot/initrd.img-1' 'quiet'
  }

  menuentry 'a web server - node 1 (generation 3, 2026-11-21 09:00 UTC) - Debian 13' --class debian --id ast-trial-1 {
    ast_trial 1/3 '@snapshots/nodes/1/3' '/boot/vmlinuz-1' '/boot/initrd.img-1' 'quiet'
  }

  """#

private let wholeMenu = #"""
  # The boot menu of ast, written anew by each change: what is edited here is lost.
  # GRUB for EFI is signed as a whole: it has its modules in it, and loads no others.
  if [ "$grub_platform" = pc ]; then insmod btrfs; fi

  # ast_boot SUBVOLUME KERNEL INITRD ARGUMENT...: boots a system; returns only if that is not possible.
  # A deployment begins with a program that brings /etc up to date, unless an argument names another first program.
  function ast_boot {
    set ast_subvolume="$1"
    set ast_kernel="/$1$2"
    set ast_initrd="/$1$3"
    set ast_init=
    set ast_more=
    shift 3
    if [ "$grub_platform" = pc ]; then insmod gzio; insmod all_video; fi
    if [ -n "$linux_gfx_mode" ]; then set gfxpayload="$linux_gfx_mode"; fi
    search --no-floppy --fs-uuid --set=root '1111-2222'
    if [ ! -f "$ast_kernel" ]; then echo "$ast_kernel is missing."; return 1; fi
    if [ ! -f "$ast_initrd" ]; then echo "$ast_initrd is missing."; return 1; fi
    if [ -n "$ast_deployment" -a -f "/$ast_subvolume/usr/lib/ast/init" ]; then
      set ast_init=init=/usr/lib/ast/init
      if [ -f "$prefix/ast/merge.cpio" ]; then set ast_more="$prefix/ast/merge.cpio"; fi
      if [ "$grub_platform" = pc ]; then insmod regexp; fi
      for ast_word in "$@"; do
        if regexp '^init=' "$ast_word"; then set ast_init=; set ast_more=; fi
        if regexp '^ast[.]init=' "$ast_word"; then set ast_more=; fi
      done
    fi
    echo "Loading $ast_kernel ..."
    if linux "$ast_kernel" 'root=UUID=1111-2222' "rootflags=subvol=$ast_subvolume" ro $ast_init "$@"; then
      if initrd "$ast_initrd" $ast_more; then boot; fi
    fi
  }

  # ast_environment: finds the file GRUB can write; false if there is none.
  function ast_environment {
    if [ "$grub_platform" = pc ]; then insmod fat; fi
    search --no-floppy --fs-uuid --set=ast_disk '371B-DDF0'
    set ast_file="($ast_disk)"'/ast/grubenv'
    if [ ! -f "$ast_file" ]; then return 1; fi
  }

  # ast_count: counts a try of the default; false when none is left. ast_try has the arguments for a counted one.
  function ast_count {
    set ast_try=
    if ast_environment; then
      set ast_token=
      set ast_left=
      load_env --file "$ast_file" ast_token ast_left
      if [ "$ast_token" != 12 ]; then set ast_token=12; set ast_left=3; fi
      if [ "$ast_left" = 0 ]; then return 1
      elif [ "$ast_left" = 1 ]; then set ast_left=0
      elif [ "$ast_left" = 2 ]; then set ast_left=1
      else set ast_left=2
      fi
      if save_env --file "$ast_file" ast_token ast_left; then set ast_try='ast.try panic=10'; fi
    fi
    return 0
  }

  function ast_boot_7 {
    set ast_deployment=7
    ast_boot '@snapshots/deploy/7/root' '/boot/vmlinuz-1' '/boot/initrd.img-1' ast.deployment=7 $@ 'quiet' \#
  'console=tty0'
  }

  function ast_boot_6 {
    set ast_deployment=6
    ast_boot '@snapshots/deploy/6/root' '/boot/vmlinuz-1' '/boot/initrd.img-1' ast.deployment=6 $@ 'quiet'
  }

  function ast_boot_5 {
    set ast_deployment=5
    ast_boot '@snapshots/deploy/5/root' '/boot/vmlinuz-1' '/boot/initrd.img-1' ast.deployment=5 $@ 'quiet'
  }

  # ast_trial NODE/GENERATION SUBVOLUME KERNEL INITRD ARGUMENT...: boots a node that is not deployed.
  function ast_trial {
    set ast_trial="ast.trial=$1"
    set ast_subvolume="$2"
    set ast_kernel="$3"
    set ast_initrd="$4"
    set ast_deployment=
    shift 4
    ast_boot "$ast_subvolume" "$ast_kernel" "$ast_initrd" "$ast_trial" 'systemd.machine_id=0123' "$@"
  }

  set default=ast-7
  if ast_environment; then
    set ast_once=
    load_env --file "$ast_file" ast_once
    if [ "$ast_once" != 13 ]; then
      set ast_once=13
      if save_env --file "$ast_file" ast_once; then
        set ast_once=
        load_env --file "$ast_file" ast_once
        if [ "$ast_once" = 13 ]; then set default=ast-5; fi
      fi
    fi
  fi

  menuentry 'a web server - node 7, deployment 7, not booted yet (generation 3, 2026-11-21 09:00 UTC) - Debian 13' \#
  --class debian --unrestricted --id ast-7 {
    if ast_count; then ast_boot_7 $ast_try; fi
    echo 'Deployment 7 does not start: falling back to deployment 6.'
    ast_boot_6 ast.fallback=7
  }

  menuentry 'a web server - node 5, deployment 5 (generation 3, 2026-11-21 09:00 UTC) - Debian 13' --class debian \#
  --unrestricted --id ast-5 {
    ast_boot_5
  }

  submenu 'Other deployments' --unrestricted --id ast-deployments {
  menuentry 'a web server - node 6, deployment 6, pinned (generation 3, 2026-11-21 09:00 UTC) - Debian 13' --class \#
  debian --unrestricted --id ast-6 {
    ast_boot_6
  }
  }

  submenu 'Snapshot tree' --unrestricted --id ast-tree {
  source $prefix/ast/tree-1.cfg
  }

  """#
