import FoundationEssentials
import MachineSettings
import Sandbox
import SnapshotTree
import SystemPackage

/// `edit-conf`: the node's own settings, edited with the editor of the one who calls.
extension Store {
  /// The file, inside the node.
  public static let nodeConfiguration: FilePath = "/etc/ast/node.toml"

  /// Opens a copy of the node's settings in `editor` and commits what was saved, if it is right.
  ///
  /// The editor is the host's, as with crontab(1) and sudoedit(8): a node need not have one.
  ///
  /// - Parameter editsAgain: asked with what is wrong with it; else it is refused.
  /// - Throws: `AstError`; the node is what it was then, and what was typed is in a file that it names.
  public func editConfiguration(
    of id: NodeID, editor: String, editsAgain: (ConfigurationError) throws -> Bool
  ) throws -> RunOutcome {
    var draft: ConfigurationDraft?
    do {
      let outcome = try edit(id, as: "edit-conf") { clone in
        let inside = RootDirectory(clone)
        let opened = try ConfigurationDraft(of: inside.contents(of: Store.nodeConfiguration) ?? Data())
        draft = opened
        try edit(opened, with: editor, editsAgain: editsAgain)
        guard try opened.isChanged else { return false }
        try inside.write(opened.text, to: Store.nodeConfiguration)
        return true
      }
      draft?.remove()
      return outcome
    } catch {
      throw draft?.closed(by: AstError(error)) ?? error
    }
  }

  /// Has the draft edited until it is right, or what it was.
  private func edit(
    _ draft: ConfigurationDraft, with editor: String, editsAgain: (ConfigurationError) throws -> Bool
  ) throws {
    while true {
      try draft.edit(with: editor)
      guard try draft.isChanged else { return }
      do {
        _ = try reader.settings(Settings(), with: draft.text, at: draft.path)
        return
      } catch let fault as ConfigurationError {
        guard try editsAgain(fault) else {
          throw AstError(.usage, "\(fault); nothing was changed", hint: "see ast.toml(5)")
        }
      }
    }
  }
}
