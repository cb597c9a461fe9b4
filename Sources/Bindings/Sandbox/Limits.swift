import CSandbox
public import SystemPackage

extension Sandbox {
  /// The most that the processes of a run may use together.
  public struct Limits: Sendable, Hashable {
    /// The number of processes and threads; nil for any number.
    public var tasks: Int?
    /// The bytes of memory, with the files in `/tmp` and `/run`; nil for any number.
    public var memory: Int64?
    /// The bytes of swap space; nil for any number.
    public var swap: Int64?
    /// The control group (a directory) in which each run gets one of its own, without which memory is not limited; nil if
    /// there is none.
    public var parent: FilePath?

    /// No limits.
    public init() {}

    /// Limits memory and swap space to this share of the machine's, in percent.
    public mutating func limitMemory(toPercent percent: Int) {
      var machine = sysinfo()
      guard sysinfo(&machine) == 0 else { return }
      let share = { (count: UInt) in Int64(clamping: count) / 100 * Int64(machine.mem_unit) * Int64(percent) }
      (memory, swap) = (share(machine.totalram), share(machine.totalswap))
    }
  }

  /// A limit that a run can meet.
  public enum Limit: Sendable, Hashable {
    /// A process or thread could not be started.
    case tasks
    /// A process was killed for its memory.
    case memory
  }
}
