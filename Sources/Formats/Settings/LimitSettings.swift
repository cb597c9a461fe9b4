/// The settings of what programs in nodes may use: the table `limits`.
public struct LimitSettings: Sendable, Equatable {
  /// An amount of memory.
  public enum Memory: Sendable, Equatable {
    /// Any amount.
    case infinity
    /// This share of the machine's, in percent.
    case percent(Int)
    /// This many bytes.
    case bytes(Int64)
  }

  /// The number of processes and threads; nil for any number.
  public var tasks: Int?
  /// The amount of memory, and of swap space.
  public var memory: Memory

  /// The value for no limit, as in systemd.resource-control(5).
  static let infinity = "infinity"
}

extension LimitSettings.Memory {
  /// Reads a value; nil for anything else, and for less than a shell needs.
  init?(_ text: String) {
    if text == LimitSettings.infinity {
      self = .infinity
    } else if text.hasSuffix("%") {
      guard let percent = Int(text.dropLast()), (1...100).contains(percent) else { return nil }
      self = .percent(percent)
    } else {
      guard let count = ByteCount(text), count.bytes >= 64 << 20 else { return nil }
      self = .bytes(count.bytes)
    }
  }
}

extension Settings {
  /// The settings of what programs in nodes may use.
  public var limits: LimitSettings {
    var settings = LimitSettings(tasks: nil, memory: .infinity)
    // Reading has checked each value against the kind of its key.
    if case .number(let number) = value(of: .tasksMax) { settings.tasks = number }
    if case .text(let text) = value(of: .memoryMax) { settings.memory = .init(text) ?? .infinity }
    return settings
  }
}
