import Glibc
import Synchronization
import SystemPackage

/// What is still written when a stop signal ends the process.
package struct LastWords {
  let text: String
  let file: FileDescriptor

  package init(_ text: String, to file: FileDescriptor) {
    (self.text, self.file) = (text, file)
  }
}

extension Interruption {
  /// Has a stop signal that comes before `holdBack` end the process with status 128+n and these words: nothing has to be
  /// cleaned up then. Without this call, such a signal ends the process silently.
  ///
  /// - Parameter words: the words for each signal.
  package static func endAtOnce(saying words: (Int32) -> [LastWords]) {
    let said = stopSignals.flatMap { signal in words(signal).map { SaidWords($0, at: signal) } }
    // Never freed: a handler may be reading it.
    let list = UnsafeMutablePointer<SaidWords>.allocate(capacity: said.count + 1)
    for (index, words) in said.enumerated() { (list + index).initialize(to: words) }
    (list + said.count).initialize(to: SaidWords())
    lastWords.store(UInt(bitPattern: list), ordering: .releasing)
    for signal in stopSignals where !isIgnored(signal) {
      Glibc.signal(signal) { Interruption.end(by: $0) }
    }
  }

  /// Calls only what a handler may call (signal-safety(7)).
  private static func end(by signal: Int32) {
    var words = UnsafePointer<SaidWords>(bitPattern: lastWords.load(ordering: .acquiring))
    while let next = words, next.pointee.signal != 0 {
      if next.pointee.signal == signal { _ = write(next.pointee.file, next.pointee.text, next.pointee.count) }
      words = next + 1
    }
    _exit(128 + signal)
  }

  /// The address of an array of `SaidWords`, whose last element has no signal.
  private static let lastWords = Atomic<UInt>(0)

  /// Last words as a handler needs them.
  private struct SaidWords {
    var signal: Int32 = 0
    var file: Int32 = -1
    var text: UnsafeMutablePointer<CChar>?
    var count = 0

    init() {}

    init(_ words: LastWords, at signal: Int32) {
      (self.signal, file) = (signal, words.file.rawValue)
      (text, count) = (strdup(words.text), words.text.utf8.count)
    }
  }
}
