"""Debian 14, with both makers of initrds: it does what trixie does, and trixie becomes it."""

import adoption
from full import comes_back, trial_forgets_and_deploy_keeps
from short import deploys_chooses_and_rolls_back

FORKY = "forky"


def forky(lab, maker, firmware="bios"):
    """A machine with it that has started and proven itself."""
    return proven(lab.machine(lab.image(FORKY, include=maker), firmware).start().boot())


def proven(machine):
    """No job was dropped for a cycle in the order of the units."""
    assert machine.succeed("systemctl is-system-running --wait") == "running"
    machine.wait_until_good()
    # systemctl cannot print it.
    cycles = machine.succeed(
        "busctl get-property org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager"
        " TransactionsWithOrderingCycle")
    assert cycles.endswith(" 0"), cycles
    assert machine.succeed("journalctl -b --no-pager | grep -i 'ordering cycle' || :") == ""
    return machine


def test_forky_deploys_and_rolls_back(lab):
    deploys_chooses_and_rolls_back(forky(lab, "dracut"))


def test_forky_deploys_and_rolls_back_with_initramfs_tools(lab):
    deploys_chooses_and_rolls_back(forky(lab, "initramfs-tools", "efi"))


def test_forky_trial(lab):
    trial_forgets_and_deploy_keeps(forky(lab, "dracut", "efi"))


def test_forky_trial_with_initramfs_tools(lab):
    trial_forgets_and_deploy_keeps(forky(lab, "initramfs-tools"))


def test_forky_falls_back(lab):
    falls_back(forky(lab, "dracut"))


def test_forky_falls_back_with_initramfs_tools(lab):
    falls_back(forky(lab, "initramfs-tools"))


def falls_back(machine):
    # An initrd with systemd does without /sbin/init.
    machine.succeed("ast clone 1 broken && ast run 2 ln -sf /usr/bin/false /usr/lib/systemd/systemd && ast deploy 2")
    comes_back(machine)


def test_forky_is_adopted(lab):
    is_adopted(lab, "dracut", "efi")


def test_forky_is_adopted_with_initramfs_tools(lab):
    is_adopted(lab, "initramfs-tools", "bios")


def is_adopted(lab, maker, firmware):
    machine = adoption.machine(lab, "installer", firmware, suite=FORKY, maker=maker)
    machine.succeed("ast adopt -y", patience=adoption.FIRST)
    machine.reboot()
    machine.menu()
    machine.line.send(b"\r")
    machine.login(patience=adoption.FIRST)
    adoption.runs_deployment(machine)
    proven(machine)
    machine.succeed("ast clone 1 second && ast deploy 2", patience=adoption.FIRST)
    machine.reboot()
    machine.boot()
    assert machine.succeed("ast current") == "2"
    proven(machine)


def test_trixie_becomes_forky(lab):
    becomes_forky(lab, "initramfs-tools", "efi")


def test_trixie_becomes_forky_with_dracut(lab):
    becomes_forky(lab, "dracut", "bios")


def becomes_forky(lab, maker, firmware):
    machine = lab.machine(lab.image(include=maker), firmware).start().boot()
    machine.wait_until_good()
    machine.succeed("ast branch 1 forky && ast run 2 sh -c 'sed -i s/trixie/forky/ /etc/apt/sources.list'")
    # The archive may be a copy of an earlier day.
    machine.succeed("ast run 2 sh -c 'echo Acquire::Check-Valid-Until no\\; >/etc/apt/apt.conf.d/50old'")
    machine.succeed("ast upgrade --yes 2", patience=7200)
    machine.succeed("ast deploy 2", patience=1200)
    machine.reboot()
    machine.boot()
    assert machine.succeed("ast current; . /etc/os-release; echo $VERSION_CODENAME") == "2\nforky"
    proven(machine)
    machine.reboot()
    machine.boot("Other deployments", "node 1,")
    assert machine.succeed(". /etc/os-release; echo $VERSION_CODENAME") == "trixie"
