import Host
import Packages
import Settings
import SnapshotTree
import Store

/// `auto-upgrade --scheduled` from beginning to end.
extension Store {
  /// Upgrades as the settings say, tells the users of the machine what came of it, and reboots the machine if the
  /// settings say so.
  ///
  /// A failure to tell the users or to ask for the reboot is reported to `warn`, because the nodes are upgraded all the
  /// same. The latter is also in the result.
  ///
  /// - Throws: `AstError` or `ConfigurationError` if nothing was begun. The users have been told then.
  public func performScheduledUpgrade(
    _ options: PackageOptions, progress: @escaping (NodeID, PackageProgress) -> Void,
    note: @escaping (String) -> Void, warn: (String) -> Void
  ) throws -> ScheduledUpgrade {
    let outcome = Result { try upgradeScheduled(options, progress: progress, note: note) }
    // On a machine that does not run from this store, the users have nothing to do with it.
    if try booted()?.deployment != nil {
      do { try UpdateNews(outcome.mapError(AstError.init)).tell(updateSettings) } catch {
        warn(AstError(error).message)
      }
    }
    var done = try outcome.get()
    do {
      try done.reboot?.carryOut()
    } catch {
      let failure = AstError(error)
      warn("the machine is not rebooted: \(failure.message)")
      done.rebootFailure = failure
    }
    return done
  }

  /// The settings for upgrades; the defaults if a file cannot be read, because that, too, has to be told.
  private var updateSettings: UpdateSettings { ((try? settings) ?? Settings()).updates }
}
