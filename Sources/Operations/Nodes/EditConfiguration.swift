import FoundationEssentials
import Host
import Sandbox
import Settings
import SnapshotTree
import Store
import SystemPackage

/// `edit-conf`: the node's own settings, edited with the editor of the one who calls.
extension Store {

  /// Opens a copy of the node's settings in `editor` and commits what was saved, if it is right. A node without any
  /// begins with a file in which all that it can have is a comment.
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
        let opened = try ConfigurationDraft(
          of: inside.contents(of: Store.nodeConfiguration) ?? Data(Settings.template(of: .node).utf8))
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

  /// Has the draft edited until it is right, or what it was; nil for that.
  private func edited(
    _ draft: ConfigurationDraft, with editor: String, editsAgain: (ConfigurationError) throws -> Bool
  ) throws -> Data? {
    while true {
      try draft.edit(with: editor)
      let text = try draft.text
      guard text != draft.original else { return nil }
      do {
        _ = try reader.settings(Settings(), with: text, at: draft.path)
        return text
      } catch let fault as ConfigurationError {
        guard try editsAgain(fault) else {
          throw AstError(.usage, "\(fault)", state: .unchanged, hint: "see ast.toml(5)")
        }
      }
    }
  }
}
