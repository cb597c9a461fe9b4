import Host
import Testing

@testable import Machines

@Suite("New encrypted volumes") struct NewEncryptedVolumeTests {
  private static let uuid = "11111111-2222-4333-8444-555555555555"

  @Test func thePassphraseComesFromStandardInput() {
    let format = NewEncryptedVolume.format("/dev/vdb3", uuid: Self.uuid, memory: nil)
    #expect(
      format.joined(separator: " ")
        == "luksFormat --batch-mode --type luks2 --key-file - --pbkdf argon2id --label ast --uuid \(Self.uuid) -- /dev/vdb3"
    )
    let open = NewEncryptedVolume.open("/dev/vdb3", as: NewEncryptedVolume.name(for: Self.uuid))
    #expect(
      open.joined(separator: " ")
        == "open --batch-mode --type luks2 --key-file - --allow-discards -- /dev/vdb3 ast-new-11111111")
  }

  @Test func aKeyForAnotherMachineTakesLittleMemory() {
    let format = NewEncryptedVolume.format("/dev/loop0p3", uuid: Self.uuid, memory: 1 << 18)
    #expect(format.contains("--pbkdf-memory") && format.contains("262144"))
  }

  @Test func theNameOfTheSystemIsNotTakenHere() {
    #expect(NewEncryptedVolume.name(for: Self.uuid) != NewEncryptedVolume.nameInSystem)
    #expect(
      NewEncryptedVolume.entry(uuid: Self.uuid)
        == "ast UUID=\(Self.uuid) none luks,discard,initramfs,x-initrd.attach\n")
  }

  @Test(arguments: ["", "two\nlines", "nul\0", String(repeating: "x", count: 513)])
  func passphrasesThatNobodyCanType(text: String) {
    #expect(throws: AstError.self) { try DiskPassphrase(text) }
  }

  @Test(arguments: ["x", "correct horse battery", " spaces ", String(repeating: "x", count: 512)])
  func passphrasesAsTheyAre(text: String) throws { #expect(try DiskPassphrase(text).text == text) }

  @Test func kernelsGetRoom() {
    #expect(Partitions(forDiskOf: 8 << 30, holdsKernels: true).bootSize == 1 << 30)
    #expect(Partitions(forDiskOf: 8 << 30, volume: 512 << 20).bootSize == 256 << 20)
  }
}
