import Grub
import TestSupport
import Testing

/// The text that chooses between the menus on a boot volume.
struct BootVolumeMenuTests {
  @Test(arguments: [0, 1]) func theChoiceIsOneSector(slot: Int) throws {
    let text = BootMenu.slotText(choosing: slot)
    #expect(text.utf8.count == 512)
    #expect(text.hasPrefix("set ast_slot=\(slot)\n#") && text.hasSuffix("#\n"))
    #expect(BootMenu.slot(chosenBy: text) == slot)
    try runSuccessfully(["grub-script-check"], input: text)
  }

  @Test(arguments: ["", "set ast_slot=0\n", BootMenu.slotText(choosing: 2)]) func anythingElseChoosesNothing(
    text: String
  ) {
    #expect(BootMenu.slot(chosenBy: text) == nil)
  }

  @Test func theFirstFileNamesTheOthers() throws {
    #expect(
      BootMenu.slotsText == """
        # The boot menu of ast is in one of two directories beside this file. ast/select.cfg names it, and never grows.
        source $prefix/ast/select.cfg
        source $prefix/ast/slot-$ast_slot/menu.cfg

        """)
    try runSuccessfully(["grub-script-check"], input: BootMenu.slotsText)
  }
}
