import FoundationEssentials
import Host
import Sandbox
import Settings
import SnapshotTree
import Store
import SystemPackage

/// `edit-conf`: edits a node's own settings with the user's editor.
extension Store {
  /// Opens a copy of the node's settings in `editor` and commits the saved text if it is valid. A node without settings
  /// begins with a file in which every setting is a comment.
  ///
  /// The editor is the host's, as with crontab(1) and sudoedit(8): a node need not have one.
  ///
  /// - Parameter editsAgain: called with what is wrong in the text; if it returns false, the text is refused.
  /// - Throws: `AstError`; then the node is unchanged, and the error names the file with the text.
  public func editConfiguration(
    of id: NodeID, editor: String, editsAgain: (ConfigurationError) throws -> Bool
  ) throws -> RunOutcome {
    var draft: ConfigurationDraft?
    do {
      let outcome = try edit(id, as: "edit-conf") { clone in
        let inside = RootDirectory(clone)
        let text = try inside.contents(of: Store.nodeConfiguration) ?? Data(Settings.template(of: .node).utf8)
        for leftover in ConfigurationDraft.leftovers(of: id, in: root, beginningWith: text) {
          warn("\(leftover) has what was typed in an `ast edit-conf \(id)` that was killed")
        }
        let opened = try ConfigurationDraft(of: text, for: id, in: root)
        draft = opened
        guard let text = try edited(opened, with: editor, editsAgain: editsAgain) else { return false }
        try inside.write(text, to: Store.nodeConfiguration)
        return true
      }
      draft?.remove()
      return outcome
    } catch {
      throw draft?.closed(by: AstError(error)) ?? error
    }
  }

  /// Has the draft edited until it is valid. Nil if it was not changed.
  private func edited(
    _ draft: ConfigurationDraft, with editor: String, editsAgain: (ConfigurationError) throws -> Bool
  ) throws -> Data? {
    while true {
      try draft.edit(with: editor)
      let text = try draft.text
      guard text != draft.original else { return nil }
      do {
        _ = try reader.settings(ofNodeWith: text, at: draft.path)
        return text
      } catch let fault as ConfigurationError {
        guard try editsAgain(fault) else {
          throw AstError(.usage, "\(fault)", state: .unchanged, hint: "see ast.toml(5)")
        }
      }
    }
  }
}
