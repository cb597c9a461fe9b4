import CFiles
import CXattr
import FileTrees
import Glibc
import SystemPackage

/// Owners, permissions and extended attributes of the files in an open directory.
extension OpenDirectory {
  /// The attributes of a file with this status; nil if the name does not exist. Extended attributes whose names are not
  /// text are left out.
  package func attributes(of name: Name, _ status: stat) throws -> FileAttributes? {
    guard let protection = try protection(of: name) else { return nil }
    return try attributes(of: name, status, protection)
  }

  /// The same for a file whose protection is known.
  ///
  /// - Parameter file: the open file, if it is open: a name has to be looked up again for each call.
  package func attributes(
    of name: Name, _ status: stat, _ protection: UInt32, open file: FileDescriptor? = nil
  ) throws -> FileAttributes? {
    var attributes = FileAttributes(mode: status.st_mode & 0o7777, owner: status.st_uid, group: status.st_gid)
    guard let names = try attributeNames(of: name, open: file) else { return nil }
    attributes.protection = protection
    for attribute in names { attributes.xattrs[attribute] = try value(of: attribute, of: name, open: file) }
    return attributes
  }

  /// The attributes of chattr(1) that protect a file; nil if the name does not exist.
  package func protection(of name: Name) throws -> UInt32? {
    let result = name.withPlatformString { cfiles_protection(descriptor, $0) }
    if result == -ENOENT { return nil }
    guard result >= 0 else { throw Self.failure("examine", path.appending(name), -result) }
    return UInt32(result)
  }

  /// The status of a name with the attributes of chattr(1) that protect it; nil if it does not exist.
  package func statusWithProtection(of name: Name) throws -> (status: stat, protection: UInt32)? {
    var status = stat()
    var protection: UInt32 = 0
    let result = name.withPlatformString { cfiles_status(descriptor, $0, &status, &protection) }
    if result == -ENOENT { return nil }
    guard result == 0 else { throw Self.failure("examine", path.appending(name), -result) }
    return (status, protection)
  }

  private func attributeNames(of name: Name, open file: FileDescriptor? = nil) throws -> [String]? {
    let place = file == nil ? place(of: name) : []
    func list(_ names: UnsafeMutablePointer<CChar>?, _ size: Int) -> Int {
      file.map { flistxattr($0.rawValue, names, size) } ?? llistxattr(place, names, size)
    }
    while true {
      let size = list(nil, 0)
      if size < 0, errno == ENOENT { return nil }
      if size == 0 || size < 0 && errno == EOPNOTSUPP { return [] }
      guard size > 0 else { throw failure("read the attributes of", name) }
      var names = [CChar](repeating: 0, count: size)
      let count = list(&names, size)
      // It has more attributes than a moment ago, or is gone.
      if count < 0, errno == ERANGE || errno == ENOENT { continue }
      guard count >= 0 else { throw failure("read the attributes of", name) }
      return names.prefix(count).split(separator: 0).compactMap { name in
        String(validating: name.map(UInt8.init(bitPattern:)), as: UTF8.self)
      }
    }
  }

  private func value(of attribute: String, of name: Name, open file: FileDescriptor?) throws -> [UInt8]? {
    let place = file == nil ? place(of: name) : []
    func get(_ value: UnsafeMutablePointer<UInt8>?, _ size: Int) -> Int {
      file.map { fgetxattr($0.rawValue, attribute, value, size) } ?? lgetxattr(place, attribute, value, size)
    }
    while true {
      let size = get(nil, 0)
      if size < 0, errno == ENODATA || errno == ENOENT { return nil }
      guard size >= 0 else { throw failure("read the attribute \(attribute) of", name) }
      var value = [UInt8](repeating: 0, count: size)
      let count = get(&value, size)
      if count < 0, errno == ERANGE || errno == ENODATA || errno == ENOENT { continue }
      guard count >= 0 else { throw failure("read the attribute \(attribute) of", name) }
      return Array(value.prefix(count))
    }
  }

  // MARK: Changing

  /// Sets the owner, permissions and extended attributes of a file, and removes its other extended attributes. The
  /// protection stays as it is: nothing could change the file after it.
  package func setAttributes(_ attributes: FileAttributes, of name: Name) throws {
    guard let status = try status(of: name) else { throw Self.failure("find", path.appending(name), ENOENT) }
    for attribute in try attributeNames(of: name) ?? [] where attributes.xattrs[attribute] == nil {
      // The policy of a security module sets its labels.
      guard !attribute.hasPrefix("security.") || attribute == "security.capability" else { continue }
      guard lremovexattr(place(of: name), attribute) == 0 || errno == ENODATA else {
        throw failure("remove the attribute \(attribute) of", name)
      }
    }
    try give(attributes, to: name, of: status.st_mode & S_IFMT)
  }

  /// Sets the owner, permissions and extended attributes of a file of this type (`S_IFMT`), which keeps its other
  /// extended attributes.
  ///
  /// - Parameter file: the open file, if it is open.
  func give(_ attributes: FileAttributes, to name: Name, of type: mode_t, open file: FileDescriptor? = nil) throws {
    let (user, group) = (attributes.owner, attributes.group)
    // The owner first: changing it removes capabilities, set-user-ID and set-group-ID (chown(2)).
    let owner =
      file.map { fchown($0.rawValue, user, group) }
      ?? name.withPlatformString { fchownat(descriptor, $0, user, group, AT_SYMLINK_NOFOLLOW) }
    guard owner == 0 else { throw failure("give an owner to", name) }
    if type != S_IFLNK {
      let mode =
        file.map { fchmod($0.rawValue, attributes.mode) }
        ?? name.withPlatformString { fchmodat(descriptor, $0, attributes.mode, 0) }
      guard mode == 0 else { throw failure("set the permissions of", name) }
    }
    for (attribute, value) in attributes.xattrs.sorted(by: { $0.key < $1.key }) {
      let result =
        file.map { fsetxattr($0.rawValue, attribute, value, value.count, 0) }
        ?? lsetxattr(place(of: name), attribute, value, value.count, 0)
      guard result == 0 else { throw failure("set the attribute \(attribute) of", name) }
    }
  }
}
