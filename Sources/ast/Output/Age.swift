import ArgumentParser
import FoundationEssentials

/// A time span on the command line: a number followed by h, d or w (hours, days, weeks).
struct Age: ExpressibleByArgument {
  let seconds: TimeInterval

  init?(argument: String) {
    let units: [Character: Int] = ["h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600]
    guard let unit = argument.last.flatMap({ units[$0] }), let count = Int32(argument.dropLast()), count > 0 else {
      return nil
    }
    seconds = TimeInterval(count) * TimeInterval(unit)
  }
}
