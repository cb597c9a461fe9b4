/// The counts and notes of GRUB, in an environment block that no other program writes.
///
/// GRUB's script language has no arithmetic: the count goes down by comparing.
extension BootMenu {
  /// The functions that read and write the environment block, if there is one.
  var environmentFunctions: String {
    guard let environment else { return "" }
    let find = """
      # ast_environment: finds the file GRUB can write; false if there is none.
      function ast_environment {
        if [ "$grub_platform" = pc ]; then insmod fat; fi
        search --no-floppy --fs-uuid --set=ast_disk \(GrubScript.word(environment.fileSystem))
        set ast_file="($ast_disk)"\(GrubScript.word(environment.path))
        if [ ! -f "$ast_file" ]; then return 1; fi
      }

      """
    return find + (choice.map { "\n" + Self.count($0) } ?? "")
  }

  /// If GRUB cannot keep notes, the deployment boots uncounted, and without the arguments that restart the machine: the
  /// restarts would never end.
  private static func count(_ choice: Choice) -> String {
    """
    # ast_count: counts a try of the default; false when none is left. ast_try has the arguments for a counted one.
    function ast_count {
      set ast_try=
      if ast_environment; then
        set ast_token=
        set ast_left=
        load_env --file "$ast_file" ast_token ast_left
        if [ "$ast_token" != \(choice.token) ]; then set ast_token=\(choice.token); set ast_left=\(choice.tries); fi
        if [ "$ast_left" = 0 ]; then return 1
    \(steps(choice.tries))
        fi
        if save_env --file "$ast_file" ast_token ast_left; then set ast_try='\(trying)'; fi
      fi
      return 0
    }

    """
  }

  /// A value that is not a number of tries counts as all of them.
  private static func steps(_ tries: Int) -> String {
    let known = (1..<max(tries, 1)).map { #"    elif [ "$ast_left" = \#($0) ]; then set ast_left=\#($0 - 1)"# }
    return (known + ["    else set ast_left=\(tries - 1)"]).joined(separator: "\n")
  }

  /// The default. A one-time boot is noted before it happens, and happens only if the note was written.
  var defaults: String {
    guard let choice else { return "" }
    let usual = "set default=ast-\(choice.deployment)\n"
    guard environment != nil, let once else { return usual }
    return usual + """
      if ast_environment; then
        set ast_once=
        load_env --file "$ast_file" ast_once
        if [ "$ast_once" != \(once.token) ]; then
          set ast_once=\(once.token)
          if save_env --file "$ast_file" ast_once; then
            set ast_once=
            load_env --file "$ast_file" ast_once
            if [ "$ast_once" = \(once.token) ]; then set default=ast-\(once.deployment); fi
          fi
        fi
      fi

      """
  }
}
