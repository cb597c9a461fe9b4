import Glibc

/// Strings and lists of strings in the form C takes them, valid as long as this object.
final class CStrings {
  private var strings: [UnsafeMutablePointer<CChar>] = []
  private var lists: [UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>] = []

  deinit {
    for string in strings { string.deallocate() }
    for list in lists { list.deallocate() }
  }

  func copy(_ string: String) -> UnsafeMutablePointer<CChar> {
    let bytes = string.utf8CString
    let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
    for (index, byte) in bytes.enumerated() { copy.advanced(by: index).initialize(to: byte) }
    strings.append(copy)
    return copy
  }

  /// Ends with a null pointer.
  func list(_ elements: [String]) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> {
    let list = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: elements.count + 1)
    for (index, element) in elements.enumerated() { list.advanced(by: index).initialize(to: copy(element)) }
    list.advanced(by: elements.count).initialize(to: nil)
    lists.append(list)
    return list
  }
}
