import Testing

@testable import Live

@Suite("Files of packages in a running system")
struct LiveFilesTests {
  @Test(arguments: [
    "./", "./usr/", "./usr/bin/true", "./etc/default/foo", "./etc/kernel/", "./opt/thing/run", "./var/lib/foo/",
    "./lib/systemd/system/foo.service", "./bin/sh", "./usr/lib/modules/", "./usr/src/thing/x.c",
    "./usr/lib/modules-load.d/x.conf",
  ])
  func takeEffectAtOnce(name: String) { #expect(!LiveFiles.needRestart(name)) }

  @Test(arguments: [
    "./boot/", "./boot/vmlinuz-6.12.0", "./lib/modules/6.12.0/modules.dep", "./usr/lib/modules/6.12.0/x.ko",
    "./usr/lib/firmware/x.bin", "./lib/firmware/x.bin", "./usr/share/initramfs-tools/hooks/x",
    "./etc/initramfs-tools/conf.d/x", "./etc/kernel/postinst.d/x", "./etc/grub.d/40_x", "./etc/default/grub.d/x.cfg",
    "./usr/src/thing-1/dkms.conf", "./nix/store", "./x", "usr/lib/firmware/x", "/boot/x",
  ])
  func needAReboot(name: String) { #expect(LiveFiles.needRestart(name)) }
}
