/// The way back to a system from before ast: its own menu, read by the GRUB that has read this one.
extension BootMenu {
  /// The kernel argument for every system if there are data to be taken over.
  var takingOver: [String] { before?.hasData ?? false ? ["ast.adopt"] : [] }
}

extension BootMenu.Before {
  /// The function that shows that menu.
  static let command = "ast_before"

  /// That system's grub.cfg leads here, unless `ast_before` prevents it. Variables set here affect this menu too, so
  /// they are restored if there is no such file.
  func function(on fileSystem: String) -> String {
    """
    # \(Self.command): shows the menu of the system that was there before ast, as it was.
    function \(Self.command) {
      set ast_root="$root"
      set ast_prefix="$prefix"
      search --no-floppy --fs-uuid --set=root \(GrubScript.word(self.fileSystem ?? fileSystem))
      set prefix="($root)"\(GrubScript.word(directory))
      set ast_before=1
      export ast_before
      configfile "$prefix/grub.cfg"
      set ast_before=
      set prefix="$ast_prefix"
      set root="$ast_root"
    }

    """
  }

  /// The entry in the first menu.
  static let entry = """
    menuentry 'Debian before ast' --class debian --unrestricted --id ast-before {
      \(command)
    }

    """
}
