internal import FoundationEssentials

/// All tags and pinned generations, for a file beside the database from which they can be restored.
///
/// They are not in the records of the nodes: an older ast, which does not know of them, writes those anew.
public struct TagRecord: Hashable, Codable, Sendable {
  /// The tags, by name.
  public var tags: [Tag]
  /// The pinned generations, by node and number.
  public var pinned: [GenerationID]

  /// A record with these tags and pinned generations.
  public init(tags: [Tag], pinned: [GenerationID]) {
    self.tags = tags
    self.pinned = pinned
  }

  /// Reads what `json()` wrote.
  public init(json: some Sequence<UInt8>) throws(TreeError) {
    do {
      self = try JSONDecoder().decode(TagRecord.self, from: Data(json))
    } catch {
      throw .unreadableRecord(reason: "\(error)")
    }
  }

  /// The record as text: indented, with sorted keys and a newline at the end, so that equal records are equal files.
  public func json() throws(TreeError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    } catch {
      throw .unreadableRecord(reason: "\(error)")
    }
  }
}
