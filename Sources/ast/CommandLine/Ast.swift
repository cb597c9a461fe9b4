import ArgumentParser
import Boot
import Nodes
import SnapshotTree
import Store

/// The command line of ast: its verbs, as `ast help` groups them. Without a verb it shows the state of the store, and
/// what to do next.
struct Ast: Verb {
  static let configuration = CommandConfiguration(
    commandName: "ast",
    abstract: "Keep a Debian system as a tree of snapshots",
    usage: "ast <verb> [options] [<node>] [<arguments>]",
    discussion: """
      Every node of the tree is a complete system. Branch a node, work in the branch, keep it or throw it away:

        ast tree                   show the tree
        ast clone 0                a new system from the base
        ast chroot 1               work in it: `exit 0` keeps, `exit 1` discards
        ast install 1 nginx        install packages in it
        ast undo 1                 go back to what it was before

      Exit status: 0 done, 1 failed and nothing changed, 2 usage, 3 not found, 4 busy, 5 refused, 6 some nodes of a \
      tree failed, 7 no space. `run` and `chroot` return the program's own status, and 125 if ast itself failed.
      """,
    version: Version.text,
    groupedSubcommands: [
      CommandGroup(
        name: "Tree",
        subcommands: [
          Tree.self, Current.self, Desc.self, TagVerb.self, New.self, Clone.self, CloneTree.self, Branch.self,
          CBranch.self,
          UBranch.self, Move.self, Del.self,
        ]),
      CommandGroup(
        name: "Work",
        subcommands: [
          Chroot.self, LiveChroot.self, Run.self, TreeRun.self, Open.self, CallVerb.self, Close.self, Abort.self,
          EditConf.self, Undo.self, Restore.self,
        ]),
      CommandGroup(
        name: "Packages",
        subcommands: [
          Install.self, Remove.self, Upgrade.self, TreeUpgrade.self, TreeRemovePackages.self, Sync.self, ForceSync.self,
          BaseUpdate.self, AutoUpgrade.self, Check.self, RebootWaiting.self, Hold.self, Unhold.self, Refresh.self,
          List.self, Which.self, Search.self, Show.self, Updates.self,
          Diff.self,
        ]),
      CommandGroup(
        name: "Boot",
        subcommands: [
          Deploy.self, Rollback.self, Deployments.self, Pin.self, Unpin.self, EtcDiff.self, EtcUpdateVerb.self,
          BootEtc.self, BootComplete.self, BootCheck.self, BootFailed.self, BootResumed.self, BootVar.self,
          BootStop.self, BootProducts.self, BootFilesVerb.self,
        ]),
      CommandGroup(
        name: "Look", subcommands: [Status.self, Watch.self, Cancel.self, Info.self, History.self, Usage.self]),
      CommandGroup(
        name: "Store",
        subcommands: [
          Init.self, BootstrapVerb.self, AdoptVerb.self, MigrateVerb.self, AstSync.self, SystemFilesVerb.self,
          Config.self,
          CollectGarbage.self, Dedupe.self,
          Doctor.self,
          Tmp.self, VersionVerb.self,
        ]),
    ])

  static var needs: Need { .nothing }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions

  func perform(in context: Context) throws -> Report {
    guard Store.exists(at: global.root) else { return Guide.withoutStore(at: global.root) }
    let store = try Store(opening: global.root, .reading, wait: global.wait, command: context.command, reader: .files)
    let (overview, notices) = try (store.overview(), Notices(of: store))
    let atWork = OperationAtWork.all(on: global.root)
    let text = [Status.text(overview, notices, atWork, of: global.root), Guide.text(overview)].joined(separator: "\n\n")
    return Report(text: text, data: StatusReport(global.root.string, overview, notices, atWork))
  }

  /// The verb with this name.
  static func verb(named name: String) -> (any ParsableCommand.Type)? {
    configuration.groupedSubcommands.lazy.flatMap(\.subcommands).first {
      $0.configuration.commandName == name || $0.configuration.aliases.contains(name)
    }
  }

  /// The names of all verbs, including old ones.
  static var verbs: Set<String> {
    let names = configuration.subcommands.flatMap { verb in
      [verb.configuration.commandName].compactMap(\.self) + verb.configuration.aliases
    }
    return Set(names + ["help"])
  }

  /// The verb that these words name, with its options.
  ///
  /// A verb in the first place is parsed alone, because preparing the options of `ast`, too, takes longer than many verbs
  /// do. If that fails, as for help, the whole command line is parsed, which also yields the error message.
  static func command(_ words: [String]) throws -> any ParsableCommand {
    let verb = words.first.flatMap(verb)
    if let command = try? verb?.parse(Array(words.dropFirst())) { return command }
    return try parseAsRoot(words)
  }
}
