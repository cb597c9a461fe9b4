"""A machine that hibernates: what runs comes back, whatever the menu chose."""

import os

import pexpect


def sleeper(lab):
    """A machine with a disk for its memory, which has proven itself."""
    swap = os.path.join(lab.scratch, "swap")
    with open(swap, "wb") as file:
        file.truncate(2 << 30)
    machine = lab.machine(None, "efi", swap, True).start().boot()
    machine.wait_until_good()
    machine.succeed("mkswap --uuid 5e1f0000-0000-4000-8000-000000000001 /dev/vdb")
    machine.succeed("echo UUID=5e1f0000-0000-4000-8000-000000000001 none swap sw 0 0 >>/etc/fstab && swapon --all")
    return machine


def hibernate(machine):
    machine.line.send(b"systemctl hibernate\r")
    machine.expect(pexpect.EOF)
    machine.process.wait()
    machine.stop()
    machine.start()


def test_a_deployment_that_waits_keeps_its_tries(lab):
    machine = sleeper(lab)
    machine.succeed("ast clone 1 waiting && ast deploy 2 && touch /run/before")
    menu = machine.succeed("cat /boot/grub/ast/menu.cfg /boot/grub/ast/tree-1.cfg")
    assert menu.count("resume=UUID=5e1f0000-0000-4000-8000-000000000001") == 1 and "noresume" not in menu, menu
    for _ in range(4):
        hibernate(machine)
        # The kernel that GRUB loads says nothing, and what ran before goes on in the shell.
        machine.expect(rb"Loading /@snapshots")
        machine.wait(60)
        machine.succeed("test -e /run/before")
        machine.wait(10)
        machine.succeed("ast history --json | grep -q '\"resume\"'")
    machine.reboot()
    machine.boot()
    assert "ast.deployment=2" in machine.succeed("cat /proc/cmdline")
    machine.wait_until_good()
