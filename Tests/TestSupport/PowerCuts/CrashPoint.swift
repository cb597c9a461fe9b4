/// The writes since its last flush that a disk with a volatile write cache still has after a power cut.
package enum PowerCut: String, CaseIterable {
  /// Everything up to a flush, and nothing after it.
  case prefix
  /// Everything up to a flush, and of the writes between it and the next one a pseudo-random half.
  case subset
  /// About one of four writes is lost, flushed or not: a broken disk, to check that the damage is noticed.
  case lying
}

/// A moment of a power cut, and the entries that the disk has then.
package struct CrashPoint: Equatable {
  /// The entry of the log (a flush, or the end) that did not complete, or up to which everything completed.
  package let entry: Int
  /// The entries that are durable, in addition to those of the previous points.
  package let settled: [Int]
  /// The entries that reached the disk by chance, in this state only.
  package let survivors: [Int]
  /// How many commands had returned: their effects must be there.
  package let returned: Int

  package init(entry: Int, settled: [Int], survivors: [Int], returned: Int) {
    self.entry = entry
    self.settled = settled
    self.survivors = survivors
    self.returned = returned
  }

  /// The states after a power cut, in the order of the log.
  ///
  /// - Parameters:
  ///   - marks: for each command, the number of entries in the log when it had returned.
  ///   - limit: the maximum number of points: the seed chooses one of each group of consecutive points.
  package static func all(
    in log: WriteLog, marks: [Int], cut: PowerCut, seed: UInt64, limit: Int
  ) -> (points: [CrashPoint], candidates: Int) {
    let flushes = log.entries.indices.filter { log.entries[$0].flags.contains(.flush) }
    let starts = [0] + flushes
    let ends = flushes + [log.entries.count]
    let candidates = zip(starts, ends).map { $0..<$1 }.filter { interval in
      cut != .subset || log.entries[interval].contains(where: \.changesTheDisk)
    }
    let coin = Coin(seed: seed)
    var settledCount = 0
    let points = sample(of: candidates, limit, coin).map { interval in
      var settled = (settledCount..<interval.lowerBound).filter { log.entries[$0].changesTheDisk }
      settledCount = interval.lowerBound
      if cut == .lying { settled.removeAll { coin.lands($0, oneIn: 4) } }

      let durable = interval.filter { log.entries[$0].changesTheDisk && log.entries[$0].flags.contains(.durable) }
      let survivors =
        cut == .subset
        ? interval.filter { log.entries[$0].changesTheDisk && (durable.contains($0) || coin.lands($0, oneIn: 2)) } : []
      // The disk has only the flushed entries until the next request that is durable by itself completes.
      let moment = cut == .subset ? interval.upperBound : durable.first ?? interval.upperBound
      return CrashPoint(
        entry: cut == .subset ? interval.upperBound : interval.lowerBound, settled: settled, survivors: survivors,
        returned: marks.count { $0 <= moment })
    }
    return (points, candidates.count)
  }

  private static func sample<T>(of candidates: [T], _ limit: Int, _ coin: Coin) -> [T] {
    guard candidates.count > limit else { return candidates }
    return (0..<limit).map { number in
      let (start, end) = (number * candidates.count / limit, (number + 1) * candidates.count / limit)
      return candidates[start + coin.side(number, of: end - start)]
    }
  }
}

/// Pseudo-random decisions that depend only on the seed and on their number, so that a state is the same however many
/// others are built. (The mixing function is that of SplitMix64.)
private struct Coin {
  let seed: UInt64

  func lands(_ number: Int, oneIn sides: Int) -> Bool { side(number, of: sides) == 0 }

  func side(_ number: Int, of sides: Int) -> Int {
    var bits = seed &+ (UInt64(number) &+ 1) &* 0x9e37_79b9_7f4a_7c15
    bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
    bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
    return Int((bits ^ (bits >> 31)) % UInt64(sides))
  }
}
