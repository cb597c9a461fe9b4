"""A Debian that is adopted where it is: `ast adopt`, the first start, the way back, and the plug in between."""

import hashlib
import os
import random

import stock
from full import check_file_system, seconds
from lab import CACHE

OLD = "Debian before ast"
PLAIN = "Debian GNU/Linux"
# The first start of a deployment moves the data, too.
FIRST = 1200
TOP = "mkdir -p /tmp/top && mount -o subvolid=5 $(findmnt -no SOURCE / | sed 's/\\[.*//') /tmp/top"


def machine(lab, layout, firmware="bios", has_esp=True, suite="trixie", maker="initramfs-tools", target=None):
    """A machine with such a Debian, which has started, and has data to be looked for later."""
    deb = stock.package()
    key = hashlib.sha256(repr((layout, has_esp, os.path.getmtime(stock.archive(suite, maker, layout)))).encode())
    for path in (deb, stock.__file__):
        with open(path, "rb") as file:
            key.update(file.read())
    image = os.path.join(CACHE, f"boot-stock-{layout}-{key.hexdigest()[:16]}.img")
    if not os.path.exists(image):
        stock.make(f"{image}.new", deb, layout, suite, maker, has_esp)
        if os.path.exists(f"{image}.new.second"):
            os.rename(f"{image}.new.second", f"{image}.second")
        os.rename(f"{image}.new", image)
    if os.path.exists(f"{image}.second"):
        target = os.path.join(lab.scratch, "second.img")
        stock.run("cp", "--sparse=always", f"{image}.second", target)
    started = lab.machine(image, firmware, target, bool(target))
    if layout == "encrypted":
        started.encrypted = stock.ENCRYPTED
    started.start().boot()
    started.succeed(
        "echo precious >/home/anna/file && ln /home/anna/file /home/anna/link && chown -R anna: /home/anna"
        " && echo data >/var/data && touch /var/nocow && { chattr +C /var/nocow || :; } && head -c 100k /dev/urandom >/var/nocow"
        " && echo mine >/etc/mine && mkdir /data && echo own >/data/own && echo key >/root/key"
        " && sha256sum /var/nocow >/root/sums && sync")
    return started


def data_is_there(machine):
    said = machine.succeed("cat /home/anna/file /var/data /etc/mine /data/own /root/key")
    assert said == "precious\ndata\nmine\nown\nkey", said
    machine.succeed("test /home/anna/file -ef /home/anna/link && sha256sum --quiet -c /root/sums")
    assert machine.succeed("stat -c %U /home/anna/file; id -un anna; hostname") == "anna\nanna\nstock"


def runs_deployment(machine):
    assert machine.succeed("ast current") == "1"
    data_is_there(machine)
    machine.fail("touch /usr/x")
    assert machine.succeed("systemctl is-system-running --wait; systemctl --failed --no-legend") == "running"
    assert machine.succeed("test -z \"$(dpkg --audit)\" && dpkg --verify dpkg ast | grep -v ' c /'; true") == ""
    machine.wait_until_good()
    assert machine.succeed("ast doctor --quiet; cat /proc/cmdline | grep -c ast.deployment=1") == "1"


def runs_old(machine, root):
    assert machine.succeed("findmnt -no FSROOT /") == root
    data_is_there(machine)
    machine.succeed("touch /usr/x && rm /usr/x && ! grep ast\\\\. /proc/cmdline")
    assert machine.succeed("systemctl is-system-running --wait") == "running"


def is_adopted_and_taken_back(machine, root):
    assert "New subvolumes" in machine.succeed("ast adopt -n")
    machine.succeed("ast adopt -y", patience=FIRST)
    runs_old(machine, root)
    assert "Restart it soon" in machine.succeed("cat /run/motd.d/ast")
    machine.succeed("useradd --create-home berta && echo late >/etc/late && sync")
    number = machine.succeed("id --user berta")
    machine.reboot()
    entries = machine.menu()
    assert "node 1, " in entries[0] and OLD in entries, entries
    machine.line.send(b"\r")
    machine.login(patience=FIRST)
    runs_deployment(machine)
    assert machine.succeed("cat /etc/late; id --user berta; stat --format %U /home/berta") == f"late\n{number}\nberta"
    assert "ast.adopt" not in machine.succeed("cat /boot/grub/ast/menu.cfg")
    machine.succeed("echo later >/home/anna/later")

    # It goes on like every other system of deployments.
    machine.succeed("ast clone 1 second && ast run 2 touch /usr/second")
    machine.succeed("EDITOR=\"sed -i 's/^#kernel-arg.*/kernel-arguments = [\\\"lab=1\\\"]/'\" ast edit-conf 2")
    machine.succeed("ast deploy 2", patience=FIRST)
    machine.reboot()
    machine.boot()
    machine.succeed("grep -w lab=1 /proc/cmdline")
    assert machine.succeed("ast current; cat /home/anna/later; ls /usr/second") == "2\nlater\n/usr/second"
    machine.wait_until_good()

    # The old system is there as it was, and the deployment is still what boots by itself.
    machine.reboot()
    machine.boot(OLD, PLAIN)
    runs_old(machine, root)
    machine.reboot()
    machine.boot()
    assert machine.succeed("ast current") == "2"
    assert "@home" in machine.succeed("ast adopt --undo -y") or root == "/@"
    machine.reboot()
    entries = machine.menu()
    assert entries[0].startswith(PLAIN), entries
    machine.line.send(b"\r")
    machine.login()
    runs_old(machine, root)


def test_adopt_what_the_installer_makes(lab):
    is_adopted_and_taken_back(machine(lab, "installer"), "/@rootfs")


def test_adopt_what_the_installer_makes_with_efi(lab):
    is_adopted_and_taken_back(machine(lab, "installer", "efi"), "/@rootfs")


def test_adopt_a_root_at_the_top_level(lab):
    is_adopted_and_taken_back(machine(lab, "top"), "/")


def test_adopt_a_root_with_a_home_beside_it(lab):
    is_adopted_and_taken_back(machine(lab, "home", "efi"), "/@")


def test_adopt_with_boot_and_var_apart(lab):
    """/boot stays the old system's, and both systems use one /var, each with its own packages."""
    adopted = machine(lab, "apart")
    assert "/boot, for" in adopted.succeed("ast adopt -n")
    adopted.succeed("ast adopt -y", patience=FIRST)
    runs_old(adopted, "/@rootfs")
    adopted.succeed("dpkg --set-selections <<'END'\ncron hold\nEND")
    adopted.reboot()
    entries = adopted.menu()
    assert "node 1, " in entries[0] and OLD in entries, entries
    adopted.line.send(b"\r")
    adopted.login(patience=FIRST)
    runs_deployment(adopted)
    assert adopted.succeed("findmnt -no FSTYPE /var; findmnt /boot; ls /boot/vmlinuz-* | wc -l") == "ext4\n1"
    assert adopted.succeed("readlink /var/lib/dpkg; dpkg --get-selections cron") == (
        "../../usr/lib/sysimage/dpkg\ncron\t\t\t\t\t\tinstall")
    adopted.succeed("ast clone 1 second && ast deploy 2", patience=FIRST)
    adopted.reboot()
    adopted.boot()
    assert adopted.succeed("ast current") == "2"
    adopted.wait_until_good()

    # The old system has its packages, and the way back is on the partition.
    adopted.reboot()
    adopted.boot(OLD, PLAIN)
    runs_old(adopted, "/@rootfs")
    assert adopted.succeed("dpkg --get-selections cron; dpkg --audit; findmnt -no FSTYPE /boot") == (
        "cron\t\t\t\t\t\thold\next4")
    adopted.succeed("ast adopt --undo -y")
    adopted.reboot()
    entries = adopted.menu()
    assert entries[0].startswith(PLAIN), entries
    adopted.line.send(b"\r")
    adopted.login()
    runs_old(adopted, "/@rootfs")


ROWS = "sqlite3 /var/lib/rows.db 'pragma integrity_check; select count(*) from rows'"
WRITER = """[Unit]
Description=writes rows
[Service]
ExecStart=/bin/sh -c 'while :; do sqlite3 /var/lib/rows.db "insert into rows values (datetime())"; sleep 0.2; done'
"""


def test_migrate_an_ext4_with_home_apart(lab):
    """A database is written to until the restart, and the new disk has each row that the old one has."""
    target = os.path.join(lab.scratch, "target.img")
    stock.run("truncate", "--size", "8G", target)
    moved = machine(lab, "ext4", target=target)
    moved.succeed("sqlite3 /var/lib/rows.db 'pragma journal_mode=wal; create table rows (at text)'")
    moved.succeed(f"cat >/etc/systemd/system/writer.service <<'END'\n{WRITER}END\nsystemctl start writer")
    moved.succeed("ast migrate --disk /dev/vdb -y", patience=3600)
    first = int(moved.succeed(ROWS).split()[1])
    moved.succeed("useradd --create-home berta && echo late >/etc/late && sleep 3")
    moved.reboot()
    entries = moved.menu()
    assert "node 1, " in entries[0] and OLD in entries, entries
    moved.line.send(b"\r")
    moved.login(patience=FIRST)
    runs_deployment(moved)
    assert moved.succeed("findmnt -no FSTYPE /; findmnt -no FSTYPE /home; cat /etc/late; id -un berta") == (
        "btrfs\nbtrfs\nlate\nberta")
    moved.succeed("mount -o ro /dev/vda3 /mnt")
    assert moved.succeed(ROWS) == moved.succeed("cp /mnt/var/lib/rows.db* /tmp; " + ROWS.replace("/var/lib", "/tmp"))
    verdict, rows = moved.succeed(ROWS).split()
    assert verdict == "ok" and int(rows) > first + 5, (verdict, rows, first)
    moved.succeed("umount /mnt && ast clone 1 second && ast deploy 2", patience=FIRST)
    moved.reboot()
    moved.boot()
    assert moved.succeed("ast current") == "2"
    moved.wait_until_good()

    # The old disk is there as it was, and starts the machine again if wanted.
    moved.reboot()
    moved.boot(OLD, PLAIN)
    runs_old(moved, "/")
    moved.succeed("ast migrate --undo -y")
    moved.reboot()
    entries = moved.menu()
    assert entries[0].startswith(PLAIN), entries
    moved.line.send(b"\r")
    moved.login()
    assert moved.succeed("findmnt -no FSTYPE /") == "ext4"


def test_adopt_a_logical_volume(lab):
    """GRUB reads the deployments in a logical volume, and the initrd finds the root there."""
    adopted = machine(lab, "lvm", "efi")
    assert adopted.succeed("findmnt -no SOURCE /") == "/dev/mapper/stock--vg-root[/@rootfs]"
    assert "GRUB reads the volume group stock-vg" in adopted.succeed("ast adopt -n")
    adopted.succeed("ast adopt -y && grep -q '  insmod lvm' /boot/grub/custom.cfg", patience=FIRST)
    adopted.reboot()
    entries = adopted.menu()
    assert "node 1, " in entries[0] and OLD in entries, entries
    adopted.line.send(b"\r")
    adopted.login(patience=FIRST)
    runs_deployment(adopted)
    adopted.succeed("ast clone 1 second && ast deploy 2", patience=FIRST)
    adopted.reboot()
    adopted.boot()
    assert adopted.succeed("ast current") == "2"
    data_is_there(adopted)


def test_adopt_a_mirrored_root(lab):
    """The deployment and the old system start from one disk of a RAID1, too."""
    adopted = machine(lab, "md", "efi")
    array = os.path.basename(adopted.succeed("findmnt -no SOURCE / | sed 's/\\[.*//' | xargs realpath"))
    assert f"GRUB reads the array {array} (raid1)" in adopted.succeed("ast adopt -n")
    assert adopted.succeed(f"cat /sys/block/{array}/md/degraded") == "0"
    adopted.succeed("ast adopt -y && grep -q '  insmod mdraid1x' /boot/grub/custom.cfg", patience=FIRST)
    adopted.reboot()
    adopted.menu()
    adopted.line.send(b"\r")
    adopted.login(patience=FIRST)
    runs_deployment(adopted)
    adopted.power_off()
    adopted.second = None
    adopted.start().boot()
    runs_deployment(adopted)
    assert adopted.succeed("cat /sys/block/md*/md/degraded") == "1"
    adopted.succeed("ast adopt --undo -y")
    adopted.reboot()
    entries = adopted.menu()
    assert entries[0].startswith(PLAIN), entries
    adopted.line.send(b"\r")
    adopted.login()
    runs_old(adopted, "/@rootfs")


def test_adopt_a_mirrored_btrfs(lab):
    """The deployment starts from one disk alone if that is chosen in the menu, and a new disk takes the other's place."""
    adopted = machine(lab, "pair", "efi")
    assert "GRUB reads the btrfs on all of" in adopted.succeed("ast adopt -n")
    adopted.succeed("ast adopt -y", patience=FIRST)
    adopted.reboot()
    entries = adopted.menu()
    assert "node 1, " in entries[0] and "Start with a disk missing" in entries, entries
    adopted.line.send(b"\r")
    adopted.login(patience=FIRST)
    runs_deployment(adopted)
    adopted.power_off()
    second, adopted.second = adopted.second, None
    adopted.start().boot("Start with a disk missing")
    assert "degraded" in adopted.succeed("findmnt -no FS-OPTIONS /")
    runs_deployment(adopted)
    # A change publishes the menu, which still has the entry.
    said = adopted.succeed("ast clone 1 second && ast deploy 2", patience=FIRST)
    assert "grub.cfg stays as it is, because a disk of the btrfs is missing" in said
    assert "ast-degraded" in adopted.succeed("cat /boot/grub/ast/menu.cfg")
    adopted.power_off()
    # What GRUB would read on the old one is of the time when it was taken away.
    size = os.path.getsize(second)
    os.truncate(second, 0)
    os.truncate(second, size)
    adopted.second = second
    adopted.start().boot("Start with a disk missing")
    adopted.wait_until_good()
    adopted.succeed("btrfs replace start -B 2 /dev/vdb /home", patience=FIRST)
    # While a disk was missing, what was written may have been written once only.
    adopted.succeed("btrfs balance start -dconvert=raid1,soft -mconvert=raid1,soft /home", patience=FIRST)
    adopted.reboot()
    adopted.boot()
    assert adopted.succeed("ast current") == "2"
    data_is_there(adopted)
    assert "degraded" not in adopted.succeed("findmnt -no FS-OPTIONS /")
    said = adopted.succeed("btrfs scrub start -B /home", patience=FIRST)
    assert "no errors found" in said, said


def test_adopt_an_encrypted_root(lab):
    """GRUB reads copies of the deployments' kernels on /boot, and each start asks for the passphrase."""
    name = stock.ENCRYPTED[0]
    adopted = machine(lab, "encrypted", "efi")
    assert adopted.succeed("findmnt -no SOURCE /") == f"/dev/mapper/{name}[/@rootfs]"
    assert f"because the root is encrypted ({name})" in adopted.succeed("ast adopt -n")
    adopted.succeed("cd /boot && find . -xdev ! -path './efi*' | sort >/root/before")
    adopted.succeed("ast adopt -y && test $(ls /boot/ast/boot | wc -l) = 2 && ast adopt --undo -y", patience=FIRST)
    adopted.succeed("cd /boot && find . -xdev ! -path './efi*' | sort | diff /root/before -")
    adopted.succeed("ast adopt -y", patience=FIRST)
    runs_old(adopted, "/@rootfs")
    adopted.reboot()
    entries = adopted.menu()
    assert "node 1, " in entries[0] and OLD in entries, entries
    adopted.line.send(b"\r")
    adopted.login(patience=FIRST)
    runs_deployment(adopted)
    assert adopted.succeed("findmnt -no SOURCE /; findmnt -no FSTYPE /boot/loader; stat -f -c %T /boot") == (
        f"/dev/mapper/{name}[/@snapshots/deploy/1/root]\next4\nbtrfs")

    # The initrd that is made in a node, where the disk cannot be seen, opens it.
    assert "x-initrd.attach,initramfs" in adopted.succeed("cat /etc/crypttab")
    adopted.succeed("ast clone 1 second && ast run 2 update-initramfs -u && ast deploy 2", patience=FIRST)
    adopted.reboot()
    adopted.boot()
    assert adopted.succeed("ast current; test -e /boot/loader/ast/boot && echo there") == "2\nthere"
    data_is_there(adopted)
    adopted.wait_until_good()

    adopted.reboot()
    adopted.boot(OLD, PLAIN)
    runs_old(adopted, "/@rootfs")
    assert "copies of kernels in /boot/ast" in adopted.succeed("ast adopt --undo -y")
    adopted.reboot()
    entries = adopted.menu()
    assert entries[0].startswith(PLAIN), entries
    adopted.line.send(b"\r")
    adopted.login()
    runs_old(adopted, "/@rootfs")


def test_adopted_system_that_does_not_come_up(lab):
    """Three tries, and the old system again; undoing it leaves nothing."""
    adopted = machine(lab, "installer")
    adopted.succeed("ast adopt -y", patience=FIRST)
    adopted.succeed(f"{TOP} && ln -sf /usr/bin/false /tmp/top/@snapshots/deploy/1/root/sbin/init && umount /tmp/top")
    adopted.reboot()
    adopted.expect(rb"falling back to the system before ast", patience=1800)
    adopted.login()
    runs_old(adopted, "/@rootfs")
    adopted.succeed(f"ast adopt --undo -y && {TOP}")
    left = adopted.succeed("ls -A /tmp/top; ls /boot/grub/custom.cfg; umount /tmp/top")
    assert "@snapshots" not in left or "@var" in left, left


def test_adopted_system_forgets_the_old_one(lab):
    """What the machine starts from is all that is left of it."""
    adopted = machine(lab, "installer", "efi")
    adopted.succeed("ast adopt -y", patience=FIRST)
    adopted.reboot()
    adopted.login(patience=FIRST)
    runs_deployment(adopted)
    adopted.succeed("ast adopt --forget -y", patience=FIRST)
    assert adopted.succeed(f"{TOP} && cd /tmp/top/@rootfs && echo * */*; cd /; umount /tmp/top") == "boot boot/grub"
    adopted.reboot()
    entries = adopted.menu()
    assert "node 1, " in entries[0] and OLD not in entries, entries
    adopted.line.send(b"\r")
    adopted.login()
    runs_deployment(adopted)
    adopted.succeed("ast clone 1 && ast deploy 2", patience=FIRST)
    adopted.reboot()
    adopted.boot()
    assert adopted.succeed("ast current") == "2"
    data_is_there(adopted)


def test_data_that_cannot_be_taken_over(lab):
    """The deployment takes the adoption back by itself, and the old system boots."""
    adopted = machine(lab, "installer")
    adopted.succeed(f"ast adopt -y && {TOP} && mkdir /tmp/top/@home.adopt && umount /tmp/top", patience=FIRST)
    adopted.reboot()
    adopted.expect(rb"the adoption is taken back", patience=FIRST)
    adopted.login()
    runs_old(adopted, "/@rootfs")
    adopted.succeed(f"test ! -e /boot/grub/custom.cfg && {TOP} && rmdir /tmp/top/@home.adopt && umount /tmp/top")
    adopted.succeed("ast adopt -y", patience=FIRST)
    adopted.reboot()
    adopted.login(patience=FIRST)
    runs_deployment(adopted)


CUTS = int(os.environ.get("AST_ADOPT_CUTS", "8"))


def test_power_cuts_while_adopting(lab):
    """The plug is pulled while the system is adopted, and while the first deployment takes over the data: then the old
    system boots, or the deployment, with all data; and it can be adopted again, or is."""
    seed = int(os.environ.get("AST_SEED", random.randrange(1 << 32)))
    print(f"  AST_SEED={seed} AST_ADOPT_CUTS={CUTS}", flush=True)
    dice = random.Random(seed)
    old = machine(lab, "installer")
    old.save("old")
    # How long things take depends on what else the host does.
    pace = seconds(old, "ast adopt -y")
    old.save("adopted")
    old.stop()
    for cut in range(CUTS):
        if cut % 2:
            victim, moment = lab.machine(old).start("adopted"), dice.uniform(0, pace / 2)
            victim.reboot()
            victim.expect(rb"taking over /var", patience=FIRST)
        else:
            victim, moment = lab.machine(old).start("old"), dice.uniform(pace / 4, pace * 1.2)
            victim.line.send(b"ast adopt -y\r")
        victim.wait(moment)
        victim.stop()
        check_file_system(victim)
        victim.start().login(patience=FIRST)
        booted = victim.succeed("findmnt -no FSROOT /")
        print(f"  cut {cut} ({'first start' if cut % 2 else 'adopt'}, {moment:.2f} s): {booted}", flush=True)
        if booted == "/@rootfs":
            assert cut % 2 == 0
            runs_old(victim, booted)
            victim.succeed("ast adopt -y", patience=FIRST)
            victim.reboot()
            victim.login(patience=FIRST)
        runs_deployment(victim)
        victim.stop()
