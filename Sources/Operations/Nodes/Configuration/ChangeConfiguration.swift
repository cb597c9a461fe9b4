import FoundationEssentials
import Host
import Settings
import SnapshotTree
import Store
import SystemPackage

/// `config --set`, `config --unset`: changes a node's own settings without an editor.
extension Store {
  /// Replaces the text of a node's settings by what `change` makes of it. A node without settings begins with a file in
  /// which every setting is a comment.
  ///
  /// - Parameter change: gets the text, and the path of the file for messages.
  /// - Throws: `AstError`; then the node is unchanged.
  public func changeConfiguration(of id: NodeID, by change: (Data, FilePath) throws -> Data) throws -> RunOutcome {
    let path = try subvolume(of: try current(try node(id))).path.appending(Store.nodeConfiguration.components)
    return try edit(id, as: "config") { clone in
      let inside = RootDirectory(clone)
      let text = try inside.contents(of: Store.nodeConfiguration) ?? Data(Settings.template(of: .node).utf8)
      do {
        _ = try reader.settings(ofNodeWith: text, at: path)
        let changed = try change(text, path)
        guard changed != text else { return false }
        _ = try reader.settings(ofNodeWith: changed, at: path)
        try inside.write(changed, to: Store.nodeConfiguration)
        return true
      } catch let fault as ConfigurationError {
        throw AstError(.usage, "\(fault)", state: .unchanged, hint: "`ast edit-conf \(id)` opens the file")
      }
    }
  }
}
