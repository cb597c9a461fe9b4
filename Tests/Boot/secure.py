"""Firmware that starts only what is signed, with the keys of Microsoft (OVMF)."""

import json
import os
import subprocess

from full import comes_back, trial_forgets_and_deploy_keeps
from older import both_programs, older
from short import deploys_chooses_and_rolls_back


def good(lab, disk=None, second=None):
    """A machine with Secure Boot that has started and proven itself."""
    machine = lab.machine(disk, "secure", second).start()
    machine.boot()
    machine.wait_until_good()
    return machine


def test_deploy_choose_and_roll_back_with_secure_boot(lab):
    machine = good(lab)
    assert "Secure boot enabled" in machine.succeed("dmesg")
    report = json.loads(machine.succeed("ast boot-files --json"))["data"]
    assert report["secureBoot"] is True, report
    partition, = report["partitions"]
    programs = {file["path"]: file for file in partition["files"] if file["owner"]}
    assert len(programs) == 8 and not partition["missing"], report
    assert all(file["owner"] == "debian" and file["current"] for file in programs.values()), report
    deploys_chooses_and_rolls_back(machine)


def test_trial_forgets_and_deploy_keeps_with_secure_boot(lab):
    trial_forgets_and_deploy_keeps(good(lab))


def test_init_that_panics_with_secure_boot(lab):
    machine = good(lab)
    machine.succeed("ast clone 1 broken && ast run 2 ln -sf /usr/bin/false /sbin/init && ast deploy 2")
    comes_back(machine)


def test_kernels_on_a_boot_partition_with_secure_boot(lab):
    machine = good(lab, lab.image(boot_partition="512M"))
    machine.succeed("test $(findmnt -no FSTYPE /boot/loader) = ext4 && test ! -e /boot/grub/ast/menu.cfg")
    machine.succeed("test $(ls /boot/loader/ast/boot | wc -l) = 2 && grep -q ^search /boot/efi/EFI/debian/grub.cfg")
    deploys_chooses_and_rolls_back(machine)
    machine.succeed("grep -oh 'ast/boot/[0-9a-f]*' /boot/loader/ast/grub/ast/slot-*/*.cfg | sort -u >/tmp/named")
    machine.succeed("cd /boot/loader/ast/boot && for f in *; do grep -qx ast/boot/$f /tmp/named || exit 1; done")
    machine.succeed("cd /boot/loader/ast/boot && for f in *; do sha256sum $f | grep -q ^$f || exit 1; done")


def test_a_good_start_renews_what_the_firmware_starts(lab):
    """A loader of other content and the same generation is in its place after the next good start; nothing else is."""
    machine = good(lab)
    # Shim does not look at what is behind the signature; here the signature of the manager of keys stays unused.
    machine.succeed(
        "ast clone 1 newer && ast run 2 sh -c 'printf x >>/usr/lib/shim/mmx64.efi.signed'"
        " && echo precious >/boot/efi/EFI/BOOT/own.efi && ast deploy 2")
    before = machine.succeed("cd /boot/efi && find . -type f -exec sha256sum {} + | grep -v mmx64 | grep -v grubenv")
    machine.fail("cmp /boot/efi/EFI/debian/mmx64.efi /.snapshots/deploy/2/root/usr/lib/shim/mmx64.efi.signed")
    machine.reboot()
    machine.boot()
    machine.wait_until_good()
    machine.succeed("for i in $(seq 60); do test -e /run/ast/boot-complete && break; sleep 1; done")
    for directory in "debian", "BOOT":
        machine.succeed(f"cmp /boot/efi/EFI/{directory}/mmx64.efi /usr/lib/shim/mmx64.efi.signed")
    after = machine.succeed("cd /boot/efi && find . -type f -exec sha256sum {} + | grep -v mmx64 | grep -v grubenv")
    assert before == after, f"{before}\n{after}"
    assert "Boot loader" not in machine.succeed("ast status")


def test_the_disk_of_an_older_ast_is_refused_until_it_is_renewed(lab):
    image = lab.image(binary=older())
    refused = lab.machine(image, "secure").start()
    refused.expect(rb"Access Denied")
    refused.stop()

    # Without Secure Boot it starts as ever, and this ast brings the signed loader from a node that has it.
    machine = lab.machine(image, "efi", with_signed_programs(lab)).start()
    machine.boot()
    machine.wait_until_good()
    machine.succeed("mkdir /root/new && tar --extract --file /dev/vdb --directory /root/new")
    machine.succeed("ast clone 1 second && tar --create --directory /root/new usr | ast run 2 tar --extract --directory /")
    machine.succeed("/root/new/ast ast-sync 2 && /root/new/ast deploy 2 && test -e /boot/grub/x86_64-efi/normal.mod")
    machine.succeed("/root/new/ast boot-files --renew && test -e /boot/efi/EFI/ast/grub.efi")
    machine.power_off()

    secure = lab.machine(machine, "secure").start()
    secure.boot()
    secure.wait_until_good()
    assert "Secure boot enabled" in secure.succeed("dmesg")
    secure.succeed("for i in $(seq 60); do test -e /run/ast/boot-complete && break; sleep 1; done")
    # That start was good, so what the older one had is not needed any more.
    secure.fail("test -e /boot/grub/x86_64-efi || test -e /boot/efi/EFI/ast")


def with_signed_programs(lab):
    """A disk that is a tar archive of this version, and of the signed programs as Debian's packages have them."""
    archive, tree = both_programs(lab), os.path.join(lab.scratch, "signed")
    disk = f"{lab.image()}@@2M"
    for directory, names in ("shim", ["shimx64", "mmx64", "fbx64"]), ("grub/x86_64-efi-signed", ["grubx64"]):
        place = os.path.join(tree, "usr/lib", directory)
        os.makedirs(place)
        for name in names:
            source, target = f"::/EFI/debian/{name}.efi", os.path.join(place, f"{name}.efi.signed")
            subprocess.run(["mcopy", "-i", disk, source, target], check=True)
    subprocess.run(["tar", "--append", "--file", archive, "--directory", tree, "usr"], check=True)
    return archive
