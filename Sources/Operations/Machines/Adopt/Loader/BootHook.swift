import Btrfs
import FoundationEssentials
import Glibc
import Host
import Store
import SystemPackage

/// The only file of an adopted system that is changed: custom.cfg of its boot loader, which its grub.cfg reads at the end
/// (/etc/grub.d/41_custom). With a few lines at its beginning the machine boots from the store; without them it boots
/// the old system. GRUB itself, and everything else of that system, stays as it is.
struct BootHook {
  private let directory: FilePath
  private var path: FilePath { directory.appending("custom.cfg") }
  private var new: FilePath { directory.appending("custom.cfg.ast-new") }

  /// The file of the boot loader in this directory.
  init(in directory: FilePath) { self.directory = directory }

  /// Whether the machine boots from the store.
  var isThere: Bool { get throws { try contents().flatMap(Self.lines) != nil } }

  /// Lets the machine boot from the store: the commit point of `adopt`.
  ///
  /// - Throws: `AstError`; then the machine boots what it did before, unless the error says otherwise.
  ///
  /// - Parameters:
  ///   - place: the place of the menu.
  ///   - modules: the modules that GRUB needs to find its file system.
  ///   - undo: the command that takes it back.
  func install(leadingTo place: LoaderPlace, modules: [String] = [], undo: String = "ast adopt --undo") throws {
    let old = try contents()
    let own = Self.text(leadingTo: place, modules: modules, undo: undo, isWhole: old == nil)
    guard try !isThere else { return }
    let text = Array(own.utf8) + (old ?? [])
    try ChildProcess("grub-script-check", []).run(reading: Data(text))
    try replace(with: text)
  }

  /// Takes that back. The rest of the file stays, byte for byte; a file that `install` made is removed.
  func remove() throws {
    guard var text = try contents(), let lines = Self.lines(in: text) else { return }
    let isWhole = text[lines].firstRange(of: Array(Self.wholeEnd.utf8)) != nil
    text.removeSubrange(lines)
    if isWhole && text.isEmpty {
      try sync()
      try Files.removeFile(path)
      try Files.removeFileIfPresent(new)
      try sync()
      failPoint("boot hook removed")
    } else {
      try replace(with: text)
    }
  }

  private func replace(with text: [UInt8]) throws {
    // What is told are leftovers on FAT, and no /boot is one.
    try BootLoaderFile(path).replace(with: text) { _ in }
    failPoint("boot hook committed")
  }

  /// Writes the whole file system, and has the disk keep it.
  private func sync() throws {
    try FileSystem.sync(directory)
    try Files.sync(directory)
  }

  /// The content of the file; nil if there is none.
  private func contents() throws -> [UInt8]? {
    var status = stat()
    guard lstat(path.string, &status) == 0 else { return nil }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw AstError(
        .refused, "\(path.lastComponent?.string ?? "") of /boot/grub is not a regular file", state: .unchanged)
    }
    return Array(try Files.contents(of: path))
  }

  /// Where the lines of ast are in the text of the file.
  private static func lines(in text: [UInt8]) -> Range<Int>? {
    guard let start = text.firstRange(of: Array(begin.utf8)), let end = text.firstRange(of: Array(end.utf8)),
      start.lowerBound < end.lowerBound
    else { return nil }
    let after = text[end.upperBound...].firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? text.endIndex
    return start.lowerBound..<after
  }

  private static let begin = "### BEGIN ast:"
  private static let end = "### END ast"
  /// The end that says that the file was made for these lines.
  private static let wholeEnd = "### END ast (the file is its own)\n"

  /// The lines for the file. `ast_before` is set if the user has chosen the old menu in ast's menu. Users and passwords are
  /// those of the old menu. GRUB comes back here only if there is nothing to boot, and then shows the old menu.
  static func text(leadingTo place: LoaderPlace, modules: [String], undo: String, isWhole: Bool) -> String {
    let loading = modules.map { "  insmod \($0)\n" }.joined()
    return """
      \(begin) starts what is deployed with ast; `\(undo)` takes it out.
      if [ -z "$ast_before" ]; then
      \(loading)  search --no-floppy --fs-uuid --set=ast_disk '\(place.fileSystem)'
        if [ -n "$ast_disk" -a -f "($ast_disk)\(place.directory)/grub.cfg" ]; then
          if [ -n "$superusers" ]; then export superusers; fi
          set ast_root="$root"
          set ast_prefix="$prefix"
          set root="$ast_disk"
          set prefix="($ast_disk)\(place.directory)"
          configfile "$prefix/grub.cfg"
          set prefix="$ast_prefix"
          set root="$ast_root"
        fi
      fi
      \(isWhole ? wholeEnd : end + "\n")
      """
  }
}
