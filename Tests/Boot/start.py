"""Nothing is lost between `ast deploy` and the restart: what was changed in /etc comes along, or ast says why not."""

import os
import random

from adoption import TOP
from full import check_file_system, good
from short import CHANGES, change_after_deploy, expect_changes

LOST = "/etc does not have what was changed while deployment 1 ran"

# A command that takes the first program away from all deployments, and the line of a unit that makes up for it.
UNPROTECT_ALL = (
    f"{TOP} && for root in /tmp/top/@snapshots/deploy/*/root; do rm -f $root/usr/lib/ast/init;"
    " sed -i '/init merge/d' $root/usr/lib/ast/mount-etc; done; umount /tmp/top")
# What is done between `ast deploy` and a restart, to see what the tests are worth.
before_restart = "true"


def deployed(machine):
    """The machine, with a second deployment that starts next."""
    be_unplugged(machine)
    machine.succeed("ast clone 1 second && ast deploy 2")
    return machine


def be_unplugged(machine):
    """What comes along at a start must not come along when the machine stops: a pulled plug passes that by."""
    machine.succeed(
        r"mkdir -p /etc/systemd/system/ast-stop.service.d && printf '[Service]\nExecStop=\n'"
        " >/etc/systemd/system/ast-stop.service.d/off.conf && systemctl daemon-reload")


def reboot(machine):
    machine.succeed(before_restart)
    machine.reboot()


def restart(machine, *titles, node="2", **login):
    reboot(machine)
    machine.boot(*titles, **login)
    runs(machine, node)


def runs(machine, node):
    assert machine.succeed("ast current") == node
    assert machine.succeed("systemctl is-system-running --wait") == "running"


def everything_is_there(machine):
    expect_changes(machine)
    machine.fail("test -e /etc.new")
    machine.wait_until_good()
    assert machine.succeed("ast doctor --quiet; ast status | grep 'does not have' || :") == ""


def in_root(machine, deployment, command):
    """Runs a command in the root of a deployment, behind ast's back."""
    machine.succeed(
        f"{TOP} && cd /tmp/top/@snapshots/deploy/{deployment}/root"
        f" && {{ {command}; }} && cd / && umount /tmp/top")


# --- restarts of every kind

def test_changes_come_along_with_efi(lab):
    machine = deployed(good(lab, "efi"))
    change_after_deploy(machine)
    restart(machine)
    everything_is_there(machine)


def test_changes_come_along_with_dracut(lab):
    comes_along_with_dracut(lab, "forky", "bios")


def test_changes_come_along_with_dracut_and_efi(lab):
    comes_along_with_dracut(lab, "trixie", "efi")


def comes_along_with_dracut(lab, suite, firmware):
    """A unit in the initrd merges, and systemd's hand-over is not lost."""
    machine = lab.machine(lab.image(suite, include="dracut"), firmware).start().boot()
    machine.wait_until_good()
    deployed(machine)
    change_after_deploy(machine)
    restart(machine)
    assert "/etc has what was changed while deployment 1 ran" in machine.succeed("dmesg | grep ast:")
    assert machine.succeed("journalctl -b --no-pager -k | grep -c 'Linux version'") == "1"
    assert "--switched-root" in machine.succeed("tr '\\0' ' ' </proc/1/cmdline")
    everything_is_there(machine)


def test_changes_of_several_starts_come_along(lab):
    machine = deployed(lab.ready())
    changes_in_several_starts(machine, "node 1,")
    restart(machine)
    assert machine.succeed("cat /etc/number /etc/start-?") == "2\n0\n1\n2"
    everything_is_there(machine)


def changes_in_several_starts(machine, title):
    for number, part in enumerate((CHANGES[:2], CHANGES[2:5], CHANGES[5:])):
        for change, _, _ in part:
            machine.succeed(change)
        machine.succeed(f"echo {number} >/etc/number && echo {number} >/etc/start-{number}")
        restart(machine, "Other deployments", title, node="1")


def test_trial_in_between(lab):
    """A trial keeps its /etc in memory, and is never what ran last."""
    machine = deployed(lab.ready())
    change_after_deploy(machine)
    ran = machine.succeed("cat /.snapshots/ast/ran")
    reboot(machine)
    machine.boot("Snapshot tree", "node 2 (")
    assert "trial" in machine.succeed("ast status")
    machine.succeed("useradd ghost && echo forgotten >/etc/forgotten && echo trial >/etc/hostname && ast tree")
    assert machine.succeed("cat /.snapshots/ast/ran") == ran
    restart(machine)
    machine.fail("id ghost || test -e /etc/forgotten")
    everything_is_there(machine)


def test_both_changed_and_tried_again(lab):
    both_changed_and_tried_again(lab.ready(), "ast deploy 2", ["cat /run/motd.d/ast", "dmesg | grep ast:"])


def both_changed_and_tried_again(machine, deploy, places):
    """The new deployment does not pass its checks, but was worked with; then the old one was.

    The places are the commands that show the conflict."""
    be_unplugged(machine)
    check = r"#!/bin/sh\nwhile [ -e /var/lib/hold ]; do sleep 1; done\ntest ! -e /var/lib/bad\n"
    machine.succeed("echo base >/etc/both && ast clone 1 second && touch /var/lib/hold /var/lib/bad")
    machine.succeed(
        f"printf 'mkdir -p /etc/ast/health.d; printf \"%s\" >/etc/ast/health.d/50-flag;"
        f" chmod +x /etc/ast/health.d/50-flag; exit 0\\n' '{check}' | ast chroot 2")
    machine.succeed(deploy)
    change_after_deploy(machine)
    reboot(machine)
    machine.boot()
    assert machine.succeed("ast current; test -x /etc/ast/health.d/50-flag") == "2"
    expect_changes(machine)
    machine.succeed("echo new >/etc/both && echo new >/etc/only-new && echo '# new' >>/etc/adduser.conf")
    machine.succeed("useradd --create-home anna && echo root:other | chpasswd && sync && rm /var/lib/hold")
    # It restarts by itself.
    machine.boot("Other deployments", "node 1,", password="other")
    runs(machine, "1")
    assert machine.succeed("cat /etc/both; test ! -e /etc/only-new; id -u anna") == "base\n1001"
    machine.succeed("echo old >/etc/both && echo old >/etc/only-old && useradd --create-home bert")
    machine.succeed("rm /var/lib/bad && ast rollback && ast rollback --to 2")
    restart(machine, password="other")
    assert machine.succeed("cat /etc/only-new /etc/only-old; id -u anna bert") == "new\nold\n1001\n1002"
    assert machine.succeed("tail -n 2 /etc/adduser.conf") == "# mine\n# new"
    machine.wait_until_good()
    for place in places:
        assert "/etc/both" in machine.succeed(place), place
    assert sorted(machine.succeed("cat /etc/both*").splitlines()) == ["new", "old"]


def test_rollback_keeps_passwords_and_not_files(lab):
    machine = lab.ready()
    machine.succeed("echo old >/etc/both")
    restart(deployed(machine))
    machine.wait_until_good()
    machine.succeed("echo root:other | chpasswd && echo new >/etc/both && echo new >/etc/only-new && ast rollback")
    restart(machine, node="1", password="other")
    assert machine.succeed("cat /etc/both; test ! -e /etc/only-new") == "old"
    assert machine.succeed("ast doctor --quiet") == ""


def test_changes_survive_gc(lab):
    machine = lab.ready()
    machine.succeed(
        r"mkdir -p /etc/ast/ast.toml.d && printf '[gc]\nkeep-generations = 1\nkeep-deployments = 2\n'"
        " >/etc/ast/ast.toml.d/few.toml")
    # The one that runs is older than those that count.
    deployed(machine).succeed("ast clone 1 third && ast deploy 3 && ast clone 1 fourth && ast deploy 4")
    change_after_deploy(machine)
    machine.succeed("ast gc --yes --keep 1")
    assert machine.succeed("ls /.snapshots/deploy").split() == ["1", "3", "4"]
    restart(machine, node="4")
    everything_is_there(machine)


def test_products_follow(lab):
    """An initrd with the machine's settings, and the cache of libraries."""
    machine = lab.ready()
    be_unplugged(machine)
    machine.succeed(
        "ast clone 1 second && ast run 2 sh -c 'mkdir /usr/lib/own && cp /usr/lib/*-linux-gnu/libz.so.1 /usr/lib/own'"
        " && echo blacklist own >/etc/modprobe.d/own.conf && ast deploy 2")
    initrd = "lsinitramfs /boot/initrd.img-$(uname -r)"
    machine.fail(f"{initrd} | grep own.conf")
    assert "initrd" not in machine.succeed("ast status")
    machine.succeed("echo /usr/lib/own >/etc/ld.so.conf.d/own.conf && sleep 1 && echo blacklist other >/etc/modprobe.d/other.conf")
    late = "/etc/modprobe.d was changed after the initrd of deployment 2 was made: `ast deploy 2` makes one with the change"
    assert late in machine.succeed("ast status")
    restart(machine)
    assert machine.succeed(f"{initrd} | grep -e own.conf -e other.conf") == "etc/modprobe.d/own.conf"
    assert late in machine.succeed("ast status")
    assert machine.succeed("ldconfig -p | grep -c /usr/lib/own/libz.so.1") == "1"
    machine.wait_until_good()
    machine.succeed("ast deploy 2")
    restart(machine)
    machine.succeed(f"{initrd} | grep other.conf")
    assert "initrd" not in machine.succeed("ast status")


# --- what stops the merge

# Programs in place of the one that merges. It is the first process of its own namespace: a signal that it sends to
# itself does nothing there.
TRAP = r"#!/usr/bin/perl\nprint unpack(\"P8\", pack(\"Q\", 8));\n"
HANG = r"#!/bin/sh\nsleep 1000\n"
GLUTTON = r"#!/usr/bin/perl\nmy @all; push @all, \"x\" x 1e7 while 1;\n"


def instead_of_merge(program):
    """A command, in the root of a deployment, that puts a program in the place of the one that merges."""
    return (
        "mv usr/lib/ast/merge usr/lib/ast/merge.off"
        f" && printf '{program}' >usr/lib/ast/merge && chmod +x usr/lib/ast/merge")


MEND_MERGE = "mv usr/lib/ast/merge.off usr/lib/ast/merge"


def is_not_lost(lab, obstacle, remedy, reason):
    """A merge that does not work: the deployment starts, says so, and is not good; the next start tries again.

    The obstacle and the remedy are commands in the root of the deployment."""
    machine = deployed(lab.ready())
    change_after_deploy(machine)
    hold = r"[Service]\nTimeoutStartSec=infinity\nExecStartPre=sh -c \"until [ -e /run/go ]; do sleep 1; done\"\n"
    in_root(
        machine, 2, "mkdir etc/systemd/system/ast-health.service.d"
        f" && printf '{hold}' >etc/systemd/system/ast-health.service.d/hold.conf")
    in_root(machine, 2, obstacle)
    reboot(machine)
    machine.boot()
    assert machine.succeed("ast current; hostname") == "2\nlab"
    said = machine.succeed("dmesg | grep ast:")
    assert f"ast: /etc was not brought up to date{reason}" in said, said
    assert LOST in machine.succeed("ast status")
    in_root(machine, 2, remedy)
    machine.succeed("sync; touch /run/go")
    # It restarts by itself.
    machine.boot()
    machine.succeed("touch /run/go")
    runs(machine, "2")
    everything_is_there(machine)


def test_merge_that_traps(lab):
    is_not_lost(lab, instead_of_merge(TRAP), MEND_MERGE, ": signal 11 ended ast")


def test_merge_that_hangs(lab):
    is_not_lost(lab, instead_of_merge(HANG), MEND_MERGE, " within 60 s")


def test_merge_that_eats_all_memory(lab):
    is_not_lost(lab, instead_of_merge(GLUTTON), MEND_MERGE, ": signal 9 ended ast")


def test_merge_that_never_works_falls_back(lab):
    machine = deployed(lab.ready())
    change_after_deploy(machine)
    in_root(machine, 2, instead_of_merge(TRAP))
    reboot(machine)
    machine.expect(rb"falling back to deployment 1", patience=1800)
    machine.login()
    runs(machine, "1")
    machine.succeed("for i in $(seq 90); do ast deployments | grep -q failed && break; sleep 1; done")
    assert LOST in machine.succeed("cat /run/motd.d/ast"), machine.succeed("ast status; ast deployments")
    expect_changes(machine)


def test_good_deployment_starts_without_merge(lab):
    machine = deployed(lab.ready())
    restart(machine)
    machine.wait_until_good()
    in_root(machine, 1, instead_of_merge(TRAP))
    machine.succeed("echo root:other | chpasswd && ast rollback")
    reboot(machine)
    machine.boot()
    assert machine.succeed("ast current") == "1"
    lost = LOST.replace("deployment 1", "deployment 2")
    assert lost in machine.succeed("ast status")
    assert "signal 11 ended ast" in machine.succeed("dmesg | grep ast:")
    in_root(machine, 1, MEND_MERGE)
    restart(machine, node="1", password="other")
    assert lost not in machine.succeed("ast status")


# chattr(1) +i and lsattr(1), which a small system lacks.
PROTECT = r"""perl -e 'for (@ARGV) { open F, "<", $_; ioctl F, 0x80086601, $f = pack "q", 0;
$f = pack "q", 16 | unpack "q", $f; ioctl F, 0x40086602, $f or die }'"""
UNPROTECT = PROTECT.replace("16 |", "~16 &")
PROTECTED = r"""perl -e 'for (@ARGV) { open F, "<", $_; ioctl F, 0x80086601, $f = pack "q", 0; print 16 & unpack "q", $f }'"""


def test_immutable_etc(lab):
    """What is not to be changed stays as it is: the administrator says when it may."""
    is_not_lost(
        lab, f"{PROTECT} etc", UNPROTECT + " etc", ": cannot exchange /run/ast/top/@snapshots/deploy/2/root/etc")


def test_immutable_files(lab):
    machine = deployed(lab.ready())
    change_after_deploy(machine)
    machine.succeed(f"echo fixed >/etc/fixed && {PROTECT} /etc/fixed")
    in_root(machine, 2, f"{PROTECT} etc/hosts")
    restart(machine)
    assert machine.succeed(f"cat /etc/fixed; {PROTECTED} /etc/hosts /etc/fixed") == "fixed\n1616"
    everything_is_there(machine)


def test_full_file_system(lab):
    machine = deployed(lab.ready())
    change_after_deploy(machine)
    machine.succeed(
        "n=0; for size in 1G 100M 10M 1M 64K 4K; do while fallocate -l $size /var/fill-$n 2>/dev/null; do"
        " n=$((n + 1)); done; done; sync; ! head -c 1M /dev/urandom >/var/more")
    restart(machine)
    everything_is_there(machine)


# --- the plug

CUTS = int(os.environ.get("AST_CUTS", "20"))


def test_power_cuts_until_good(lab):
    """The plug is pulled at random moments between `ast deploy` and good, half of the times with EFI."""
    seed = int(os.environ.get("AST_SEED", random.randrange(1 << 32)))
    print(f"  AST_SEED={seed} AST_CUTS={CUTS}", flush=True)
    dice = random.Random(seed)
    with_efi = None
    for cut in range(CUTS):
        machine = lab.ready()
        if cut % 2 == 1:
            machine.stop()
            if with_efi is None:
                with_efi = good(lab, "efi")
                with_efi.power_off()
            machine = lab.machine(with_efi, "efi").start().boot()
        # What happens in it takes longer than a start.
        is_cut_until_good(machine, cut, dice.uniform(0, 1.3) * lab.pace)
        machine.stop()


def is_cut_until_good(machine, cut, moment):
    be_unplugged(machine)
    machine.succeed("ast clone 1 second")
    # Each change is on the disk before the next one is made.
    changes = "".join(
        f"{{ {change}; }} && sync && touch /var/made-{number} && sync && "
        for number, (change, _, _) in enumerate(CHANGES))
    command = f"ast deploy 2 && {{ {before_restart}; }} && {changes} systemctl reboot"
    machine.line.send(f"( {command} ) >/dev/null 2>&1\r".encode())
    machine.wait(moment)
    machine.stop()
    check_file_system(machine)
    machine.start().boot()
    machine.wait_until_good()
    made = int(machine.succeed("ls /var | grep -c made- || :"))
    node = machine.succeed("ast current")
    print(f"  cut {cut} ({machine.firmware}): after {moment:.1f} s, with {made} changes, into node {node}", flush=True)
    # What takes effect at a start only is there after the next one, if the machine did not restart in between.
    for change, question, answer in CHANGES[:made] if node == "2" else CHANGES[:min(made, 5)]:
        found = machine.succeed(f"{question} || :")
        assert found == answer, (change, found)
    for change, _, _ in CHANGES[made:]:
        machine.succeed(change)
    if "deployment 2" not in machine.succeed("ast status"):
        machine.succeed("ast deploy 2")
    restart(machine)
    machine.run("ast doctor")
    everything_is_there(machine)


# --- that the tests see a loss, and what all this costs

def is_lost_without_protection(test, *arguments):
    """Without the first program, and without the line of a unit that makes up for it, a test sees that changes are lost."""
    global before_restart
    before_restart = UNPROTECT_ALL
    try:
        test(*arguments)
    except AssertionError as failure:
        said = str(failure)
    else:
        raise AssertionError("nothing was lost")
    finally:
        before_restart = "true"
    print(f"  lost: {said.splitlines()[0]}", flush=True)
    # It has to be a loss: not a machine that does not come up.
    assert "said none of" not in said and "systemctl" not in said, said


def restarts_once(lab):
    machine = deployed(lab.ready())
    change_after_deploy(machine)
    restart(machine)
    everything_is_there(machine)


def test_restart_without_protection(lab):
    is_lost_without_protection(restarts_once, lab)


def test_several_starts_without_protection(lab):
    is_lost_without_protection(test_changes_of_several_starts_come_along, lab)


def test_both_changed_without_protection(lab):
    is_lost_without_protection(test_both_changed_and_tried_again, lab)


def test_rollback_without_protection(lab):
    is_lost_without_protection(test_rollback_keeps_passwords_and_not_files, lab)


def test_gc_without_protection(lab):
    is_lost_without_protection(test_changes_survive_gc, lab)


def test_power_cuts_without_protection(lab):
    """At least half of them lose something."""
    dice = random.Random(1)
    lost = 0
    for cut in range(4):
        machine = lab.ready()
        try:
            is_lost_without_protection(is_cut_until_good, machine, cut, dice.uniform(0.3, 1.3) * lab.pace)
            lost += 1
        except AssertionError as kept:
            print(f"  cut {cut}: {kept}", flush=True)
        machine.stop()
    assert lost >= 2, lost


# Around the first program, and behind it: the kernel's clock.
BEFORE = r"#!/bin/sh\n[ $$ = 1 ] && echo \"lab: before\" >/dev/kmsg\nexec /usr/lib/ast/init.off \"$@\"\n"
AFTER = r"#!/bin/sh\n[ $$ = 1 ] && echo \"lab: after\" >/dev/kmsg\nexec /usr/lib/systemd/systemd \"$@\"\n"


def test_start_takes_no_longer(lab):
    machine = deployed(lab.ready())
    in_root(
        machine, 2, "mv usr/lib/ast/init usr/lib/ast/init.off && rm usr/sbin/init"
        f" && printf '{BEFORE}' >usr/lib/ast/init && printf '{AFTER}' >usr/sbin/init"
        " && chmod +x usr/lib/ast/init usr/sbin/init")
    change_after_deploy(machine)
    shares = []
    for most, what in (0.05, "with changes"), (0.02, "with nothing to do"):
        restart(machine)
        expect_changes(machine)
        clock = r"dmesg | sed -n 's/^\[ *\([0-9.]*\)\] lab: .*/\1/p'"
        before, after = map(float, machine.succeed(clock).split())
        end = int(machine.succeed("systemctl show --value -p FinishTimestampMonotonic")) / 1e6
        print(f"  {what}: {after - before:.2f} of {end:.1f} s, {100 * (after - before) / end:.1f} %", flush=True)
        shares.append((after - before) / end <= most)
    assert all(shares)
