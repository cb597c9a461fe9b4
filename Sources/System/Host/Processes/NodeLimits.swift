import Sandbox
import Settings

extension Sandbox.Limits {
  /// The limits of a program in a node, as the machine's settings say.
  package init(_ settings: LimitSettings) {
    self.init()
    tasks = settings.tasks
    switch settings.memory {
    case .infinity: break
    case .bytes(let bytes): (memory, swap) = (bytes, bytes)
    case .percent(let percent): limitMemory(toPercent: percent)
    }
    if tasks != nil || memory != nil { parent = NodeControlGroup.find() }
  }
}
