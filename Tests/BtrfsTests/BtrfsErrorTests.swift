@testable import Btrfs
import SystemPackage
import Testing

@Suite struct BtrfsErrorTests {
  @Test(
    arguments: [
      (.inappropriateIOCTLForDevice, .notBtrfs), (.fileExists, .exists), (.noSuchFileOrDirectory, .notFound),
      (.noSpace, .noSpace), (.diskQuotaExceeded, .noSpace), (.readOnlyFileSystem, .readOnly), (.resourceBusy, .busy),
      (.textFileBusy, .busy), (.notPermitted, .notPermitted), (.permissionDenied, .notPermitted),
      (.directoryNotEmpty, .notEmpty), (.ioError, .other), (.invalidArgument, .other),
    ] as [(Errno, BtrfsError.Code)])
  func theCodeFollowsFromErrno(_ errno: Errno, _ code: BtrfsError.Code) {
    #expect(BtrfsError("create snapshot", "/a", errno).code == code)
  }

  @Test(arguments: [
    (BtrfsError("create snapshot", "/a b", .fileExists), "cannot create snapshot /a b: File exists"),
    (BtrfsError("examine", "/a", .inappropriateIOCTLForDevice), "cannot examine /a: not on a btrfs file system"),
    (
      BtrfsError("delete subvolume", "/a", .invalidArgument, code: .notASubvolume),
      "cannot delete subvolume /a: not a btrfs subvolume"
    ),
  ])
  func theDescriptionIsASentence(_ error: BtrfsError, _ sentence: String) {
    #expect("\(error)" == sentence)
  }
}
