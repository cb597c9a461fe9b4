import DebianFormats
import FoundationEssentials
import Glibc
import Host
import Store
import SystemPackage
import TestSupport
import Testing

@testable import Boot

/// What a renewal replaces on an EFI system partition, and what it leaves alone.
@Suite("The plan of a boot loader's renewal", .requiresRoot)
struct LoaderPlanTests {
  private static let fileSystem = "11111111-2222-3333-4444-555555555555"
  private static let loader = SignedLoader(for: .amd64)
  private static let shim = "sbat,1\nshim,4\nshim.debian,1\n"

  /// The files of a partition by their places.
  private typealias Files = [FilePath: [UInt8]]

  private static func grub(_ generation: Int, _ filling: String = "") -> [UInt8] {
    BootProgram.bytes(generations: "sbat,1\ngrub,\(generation)\ngrub.debian,5\n", filling: filling)
  }

  private func chain(grub: [UInt8] = Self.grub(5), shim: String = Self.shim) throws -> LoaderChain {
    let root = try LoopBtrfs.shared.newDirectory()
    for program in SignedLoader.Program.allCases {
      let path = root.pushing(Self.loader.source(of: program).relativeToRoot)
      try Host.Files.ensureDirectories(path.removingLastComponent())
      let content =
        program == .grub ? grub : BootProgram.bytes(generations: shim, filling: "\(program.rawValue)")
      try Host.Files.write(content, to: path)
    }
    return try LoaderChain(
      in: RootDirectory(root), of: "node 1", for: .amd64, leadingTo: LoaderPlace(onStore: Self.fileSystem))
  }

  private func plan(
    _ chain: LoaderChain, on files: Files, _ extent: LoaderPlan.Extent = .everything
  ) throws -> LoaderPlan {
    try LoaderPlan(chain, extent, fileSystem: Self.fileSystem) { files[$0] }
  }

  private func files(of chain: LoaderChain) -> Files {
    Dictionary(uniqueKeysWithValues: chain.files.map { ($0.place, $0.content) })
  }

  private static let order: [FilePath] = [
    "EFI/debian/mmx64.efi", "EFI/debian/fbx64.efi", "EFI/debian/BOOTX64.CSV", "EFI/debian/grub.cfg",
    "EFI/debian/grubx64.efi", "EFI/debian/shimx64.efi", "EFI/BOOT/mmx64.efi", "EFI/BOOT/fbx64.efi",
    "EFI/BOOT/grubx64.efi", "EFI/BOOT/BOOTX64.EFI",
  ]

  @Test func everythingGoesToAnEmptyPartitionInItsOrder() throws {
    let plan = try plan(chain(), on: [:])
    #expect(plan.written.map(\.place) == Self.order)
    #expect(plan.kept == [] && plan.replaced == nil)
  }

  @Test func whatIsThereIsNotWrittenAgain() throws {
    let chain = try chain()
    #expect(try plan(chain, on: files(of: chain)).written.isEmpty)
  }

  @Test func aGoodStartReplacesWhatIsThereAndAddsNothing() throws {
    var present = try files(of: chain(grub: Self.grub(5)))
    present["EFI/debian/mmx64.efi"] = nil
    let plan = try plan(chain(grub: Self.grub(7)), on: present, .whatIsThere)
    #expect(plan.written.map(\.place) == ["EFI/debian/grubx64.efi", "EFI/BOOT/grubx64.efi"])
    #expect(try self.plan(chain(), on: [:], .whatIsThere).written.isEmpty)
  }

  @Test func theSameGenerationWithOtherContentIsReplacedAndALowerOneIsNot() throws {
    let present = try files(of: chain(grub: Self.grub(7)))
    #expect(try plan(chain(grub: Self.grub(7, "rebuilt")), on: present).written.count == 2)
    let lower = try plan(chain(grub: Self.grub(5)), on: present)
    #expect(lower.written.isEmpty)
    let reason = "the deployment's has a lower generation of grub"
    #expect(
      lower.kept == [
        .init(place: "EFI/debian/grubx64.efi", reason: reason), .init(place: "EFI/BOOT/grubx64.efi", reason: reason),
      ])
  }

  @Test(arguments: [LoaderPlan.Extent.everything, .whatIsThere])
  func anotherSystemsProgramInTheRemovableDirectoryStaysWithItsCompanions(extent: LoaderPlan.Extent) throws {
    var present = try files(of: chain(grub: Self.grub(5)))
    present["EFI/BOOT/BOOTX64.EFI"] = BootProgram.bytes(generations: "shim,4\nshim.ubuntu,1\n")
    present["EFI/BOOT/fbx64.efi"] = nil
    let plan = try plan(chain(grub: Self.grub(7)), on: present, extent)
    #expect(plan.written.map(\.place) == ["EFI/debian/grubx64.efi"])
    #expect(plan.kept == [.init(place: "EFI/BOOT/BOOTX64.EFI", reason: "it is not Debian's")])
  }

  @Test func theGrubOfAnOlderAstIsReplacedOnRequestAndKept() throws {
    func older(_ fileSystem: String) -> [UInt8] {
      BootProgram.bytes(
        generations: "", isSigned: false,
        filling: "search.fs_uuid \(fileSystem) root\nset prefix=($root)/@grub\n")
    }
    let present: Files = ["EFI/BOOT/BOOTX64.EFI": older(Self.fileSystem)]
    let plan = try plan(chain(), on: present)
    #expect(plan.written.map(\.place) == Self.order)
    #expect(plan.replaced == older(Self.fileSystem))
    #expect(try self.plan(chain(), on: present, .whatIsThere).written.isEmpty)
    // That of another disk is not ast's to replace here.
    let other = try self.plan(chain(), on: ["EFI/BOOT/BOOTX64.EFI": older("other")])
    #expect(other.written.allSatisfy { $0.place.starts(with: "EFI/debian") } && other.replaced == nil)
  }

  @Test(arguments: [
    ("search.fs_uuid 9999 root\n", "EFI/debian/grub.cfg on the EFI system partition leads to the file system 9999"),
    ("set x=1\n", "EFI/debian/grub.cfg on the EFI system partition is not one that leads to a file system"),
  ])
  func aLoaderOfAnotherFileSystemIsNotTouched(text: String, message: String) throws {
    let error = #expect(throws: AstError.self) { try plan(chain(), on: ["EFI/debian/grub.cfg": Array(text.utf8)]) }
    #expect(error?.code == .refused)
    #expect(error?.message == "\(message), and ast's menu is on \(Self.fileSystem); nothing was changed")
  }

  @Test func aBootFromBeforeMayLeadToTheMenu() throws {
    let files: Files = ["EFI/debian/grub.cfg": Array("search.fs_uuid 9999 root\n".utf8)]
    let plan = try LoaderPlan(chain(), .everything, fileSystem: Self.fileSystem, or: "9999") { files[$0] }
    #expect(plan.written.map(\.place) == Self.order.filter { $0 != "EFI/debian/grub.cfg" })
    let none: Files = ["EFI/debian/grub.cfg": Array("set x=1\n".utf8)]
    #expect(throws: AstError.self) {
      try LoaderPlan(chain(), .everything, fileSystem: Self.fileSystem, or: nil) { none[$0] }
    }
  }

  @Test func whatTheInstallerWroteThereStays() throws {
    let text = "search.fs_uuid \(Self.fileSystem) root hd0,gpt2\nset prefix=($root)'/boot/grub'\n"
    let plan = try plan(chain(), on: ["EFI/debian/grub.cfg": Array(text.utf8)])
    #expect(plan.written.map(\.place) == Self.order.filter { $0 != "EFI/debian/grub.cfg" })
  }

  @Test func aRootWithoutSignedProgramsIsRefused() throws {
    let empty = RootDirectory(try LoopBtrfs.shared.newDirectory())
    let missing = #expect(throws: AstError.self) {
      try LoaderChain(in: empty, of: "the base", for: .amd64, leadingTo: LoaderPlace(onStore: "x"))
    }
    #expect(
      missing?.message == "the base has no signed boot loader: there is no /usr/lib/shim/mmx64.efi.signed; "
        + "nothing was changed")
    #expect(missing?.hint == "it is in the packages shim-signed grub-efi-amd64-signed")
    #expect(missing?.exitStatus == 5)
    let unsigned = BootProgram.bytes(generations: "grub,5\ngrub.debian,5\n", isSigned: false)
    #expect(throws: AstError.self) { try chain(grub: unsigned) }
    #expect(throws: AstError.self) { try chain(shim: "shim,4\nshim.ubuntu,1\n") }
  }
}

extension FilePath {
  fileprivate var relativeToRoot: FilePath { FilePath(root: nil, components) }
}
