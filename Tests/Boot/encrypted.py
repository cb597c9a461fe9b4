"""A disk that is encrypted, made in a machine: the host may have no device mapper."""

import os
import subprocess

PASSPHRASE = "correct horse"
TOOLS = "cryptsetup-initramfs,dosfstools,mtools,fdisk,e2fsprogs,dmsetup"


def unlocked(machine):
    """The machine starts from the menu, gets the passphrase on its serial line, and proves itself."""
    machine.expect(rb"GNU GRUB")
    machine.expect(rb"Press enter to boot")
    machine.line.send(b"\r")
    machine.expect(rb"Please unlock disk ast")
    machine.line.send(PASSPHRASE.encode() + b"\r")
    machine.login()
    machine.wait_until_good()
    return machine


def encrypted(lab, *options):
    """A new disk, made by `ast bootstrap --encrypt` in a machine from that machine's own base."""
    made = os.path.join(lab.scratch, "encrypted.img")
    with open(made, "wb") as file:
        file.truncate(8 << 30)
    maker = lab.machine(lab.image(include=TOOLS), "efi", made, is_second_writable=True).start().boot()
    maker.wait_until_good()
    maker.succeed(
        "tar --create --numeric-owner --xattrs --file /var/tmp/base.tar --directory /.snapshots/rootfs/snapshot-0/ .",
        3000)
    maker.succeed(f"printf '%s\\n' '{PASSPHRASE}' >/run/passphrase && echo root >/run/password")
    said = maker.succeed(
        "ast bootstrap --yes --disk /dev/vdb --tarball /var/tmp/base.tar --encrypt --passphrase /run/passphrase"
        " --root-password /run/password --hostname lab --serial ttyS0,115200 --kernel linux-image-cloud-amd64 "
        + " ".join(options), 6000)
    assert "stays open" not in said, said
    assert maker.succeed("ls /dev/mapper") == "control", "nothing is left open"
    # It is read as it was written, by another program, and the passphrase is in no place where it should not be.
    dump = maker.succeed("cryptsetup luksDump $(blkid -t TYPE=crypto_LUKS -o device /dev/vdb?)")
    assert "argon2id" in dump and dump.split("Version:")[1].split()[0] == "2", dump
    maker.fail(f"grep -r '{PASSPHRASE}' /.snapshots/ast /var/log")
    maker.power_off()
    disk = os.path.join(lab.scratch, "encrypted.qcow2")
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", made, disk], check=True)
    os.unlink(made)
    return disk


def deploys_from_a_place_in_the_clear(machine, place):
    """What GRUB reads is on `place`; the root is encrypted; another deployment takes over and is chosen again."""
    assert machine.succeed("findmnt -no SOURCE /").startswith("/dev/mapper/ast")
    machine.succeed(f"test $(ls {place}/ast/boot | wc -l) = 2 && test ! -e /boot/grub/ast/menu.cfg")
    assert "initramfs" in machine.succeed("cat /etc/crypttab")
    machine.succeed("ast clone 1 second && ast deploy 2")
    # The same kernel and initrd: no other copies.
    machine.succeed(f"test $(ls {place}/ast/boot | wc -l) = 2")
    machine.reboot()
    unlocked(machine)
    assert "deployment 2" in machine.succeed("ast status")


def test_an_encrypted_disk_with_secure_boot(lab):
    machine = lab.machine(encrypted(lab), "secure", backing="qcow2").start()
    unlocked(machine)
    assert "Secure boot enabled" in machine.succeed("dmesg")
    deploys_from_a_place_in_the_clear(machine, "/boot/efi")
    # An initrd that cannot ask is refused, and nothing is changed.
    machine.succeed("ast clone 2 mute && ast run 3 sh -c ': >/etc/crypttab && update-initramfs -u'")
    said = machine.fail("ast deploy 3")
    assert "lacks cryptroot/crypttab" in said and "`initramfs`" in said, said


def test_an_encrypted_disk_with_a_boot_partition(lab):
    machine = lab.machine(encrypted(lab, "--boot-partition", "512M"), "secure", backing="qcow2").start()
    unlocked(machine)
    deploys_from_a_place_in_the_clear(machine, "/boot/loader")
