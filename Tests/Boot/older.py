"""Two versions of ast on one store: this one, and the first that was released.

The older one runs in deployments that people go back to, so each has to cope with what the other one leaves."""

import concurrent.futures
import json
import os
import random
import subprocess

from lab import BINARY, START, TOP
from short import change_after_deploy, expect_changes
from start import be_unplugged, both_changed_and_tried_again, changes_in_several_starts, everything_is_there, restart


def older():
    """The program that was released, from the history."""
    return subprocess.run(
        [os.path.join(TOP, "Tests/Boot/older-ast")], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


# --- one machine

def with_both(lab):
    """A machine that runs the older one, with this one in /root/new."""
    machine = lab.machine(lab.image(binary=older()), second=both_programs(lab)).start().boot()
    machine.wait_until_good()
    machine.succeed("mkdir /root/new && tar --extract --file /dev/vdb --directory /root/new")
    return machine


def test_changes_of_several_starts_of_an_older_ast_come_along(lab):
    machine = with_both(lab)
    be_unplugged(machine)
    machine.succeed("ast clone 1 second && /root/new/ast ast-sync 2 && /root/new/ast deploy 2")
    changes_in_several_starts(machine, "deployment 1")
    # The older one has written the menu, so the changes come when systemd runs, and the start after that has them all.
    restart(machine)
    assert machine.succeed("cat /etc/number /etc/start-?") == "2\n0\n1\n2"
    machine.wait_until_good()
    restart(machine)
    everything_is_there(machine)


def test_both_changed_with_an_older_ast(lab):
    machine = with_both(lab)
    deploy = "/root/new/ast ast-sync 2 && /root/new/ast deploy 2"
    both_changed_and_tried_again(machine, deploy, ["cat /run/motd.d/ast"])


def test_an_older_ast_and_this_one_take_turns(lab):
    machine = with_both(lab)
    runs(machine, node=1, is_new=False)
    # A node is told from the one that has this version, as Debian's package brings it.
    said = machine.succeed("/root/new/ast deploy --no-default 1")
    assert "the ast in node 1 is too old" in said and "`ast ast-sync 1`" in said, said
    machine.succeed("ast clone 1 second && /root/new/ast ast-sync 2")
    said = machine.succeed("/root/new/ast deploy 2")
    assert "too old" not in said, said
    change_after_deploy(machine)
    is_clean(machine)
    # Whoever looked last has written the menu. The older one does not know the first program of a start.
    machine.fail("grep ast/init /boot/grub/ast/menu.cfg")
    machine.succeed("/root/new/ast doctor && grep ast/init /boot/grub/ast/menu.cfg")

    machine.reboot()
    machine.boot()
    runs(machine, node=2, is_new=True)
    expect_changes(machine)
    machine.succeed("grep -q init=/usr/lib/ast/init /proc/cmdline")
    machine.wait_until_good()
    is_clean(machine)
    machine.succeed("useradd anna && echo anna:secret | chpasswd && getent shadow anna >/home/anna.shadow")

    # Back to the older one, which does its work as ever, and writes a menu of its own.
    machine.reboot()
    machine.boot("Other deployments", "deployment 1")
    runs(machine, node=1, is_new=False)
    machine.succeed("id -u zoe && getent shadow anna | diff - /home/anna.shadow")
    for verb in "status", "tree", "rollback", "clone 1 third", "deploy 3", "deploy 2", "del --yes 3", "gc --yes":
        machine.succeed(f"ast {verb}")
    machine.fail("grep ast/init /boot/grub/ast/menu.cfg")
    is_clean(machine)
    machine.succeed("useradd ben && echo ben:secret | chpasswd && getent shadow ben >/home/ben.shadow")
    machine.succeed("userdel anna")

    # Forward again, by that menu, into what the older one has deployed.
    machine.reboot()
    machine.boot()
    runs(machine, node=2, is_new=True)
    machine.fail("grep init= /proc/cmdline")
    machine.succeed("systemctl is-active ast-etc && getent shadow ben | diff - /home/ben.shadow")
    machine.fail("getent passwd anna")
    expect_changes(machine)
    machine.wait_until_good()
    is_clean(machine)
    machine.succeed("ast desc 2 new && grep ast/init /boot/grub/ast/menu.cfg && test -e /boot/grub/ast/merge.cpio")


def both_programs(lab):
    """A disk that is a tar archive of this version."""
    archive = os.path.join(lab.scratch, "new.tar")
    name = f"s/^{os.path.basename(BINARY)}$/ast/"
    programs = [word for path in (BINARY, START) for word in ("--directory", *os.path.split(path))]
    subprocess.run(["tar", "--create", "--file", archive, f"--transform={name}", *programs], check=True)
    return archive


def runs(machine, node, is_new):
    """The node runs, with nothing wrong, and this is its version of ast."""
    assert machine.succeed("ast current") == str(node)
    assert machine.run("cmp -s /usr/sbin/ast /root/new/ast")[0] == (0 if is_new else 1)
    assert machine.succeed("systemctl is-system-running --wait || systemctl --failed --no-legend") == "running"
    machine.succeed("ast status && ast tree")


def is_clean(machine):
    """Both versions find nothing wrong, also where the other one has looked."""
    assert machine.succeed("ast doctor --quiet; /root/new/ast doctor --quiet; ast doctor --quiet") == ""


# --- one store

WORKERS, ROUNDS = 4, 15


def test_an_older_ast_and_this_one_work_at_once(lab):
    """Commands by both, chosen at random, on one store: none fails, no change is lost, and neither finds anything that
    it does not know."""
    seed = int(os.environ.get("AST_SEED", random.randrange(1 << 32)))
    print(f"  AST_SEED={seed}", flush=True)
    versions, store = (BINARY, older()), os.path.join(lab.scratch, "store")
    archive = subprocess.run(
        [os.path.join(TOP, "install/debian-root"), "trixie"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()
    os.mkdir(store)
    ast(store, BINARY, "init", "--image", f"{store}.img", "--size", "10G", "--tarball", archive)
    try:
        for _ in range(WORKERS + 1):
            ast(store, BINARY, "clone", "0")
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            workers = [
                pool.submit(work, store, versions, node, random.Random(seed + node)) for node in range(2, WORKERS + 2)]
            for worker in workers:
                worker.result()
        knows_all(store, versions)
        keeps_what_it_does_not_know(store, versions)
    finally:
        subprocess.run(["umount", store], check=True)


def work(store, versions, node, dice):
    """Makes branches of a node and deletes them, and adds to a file of node 1, where the others add, too."""
    def run(*words):
        return ast(store, dice.choice(versions), *words)

    for number in range(ROUNDS):
        branch = str(json.loads(run("branch", "--json", str(node)))["data"]["node"])
        run("run", branch, "touch", "/made")
        run("run", "--wait=forever", "1", "sh", "-c", "echo x >>/added")
        run("desc", branch, f"round {number}")
        run("run", branch, "true")
        run("undo", branch)
        run(*dice.choice([["gc", "--yes"], ["tmp"], ["status"], ["history", branch], ["tree-run", str(node), "true"]]))
        run("del", "--yes", branch)


def knows_all(store, versions):
    """Both see the same tree, with everything that was done, and nothing wrong."""
    nodes = ["0*- base snapshot"] + [f"{node} - clone of 0" for node in range(1, WORKERS + 2)]
    for version in versions * 2:
        assert ast(store, version, "doctor", "--quiet") == "", version
        tree = ast(store, version, "tree")
        assert [line[4:] for line in tree.splitlines()[1:]] == nodes, tree
        assert len(ast(store, version, "run", "1", "cat", "/added").split()) == WORKERS * ROUNDS
    held = [name for node in os.listdir(f"{store}/nodes") for name in os.listdir(f"{store}/nodes/{node}")]
    assert not [name for name in held if name.startswith(".")], held


def keeps_what_it_does_not_know(store, versions):
    """The older one leaves what is not in its design."""
    os.makedirs(f"{store}/bases")
    subprocess.run(["btrfs", "-q", "subvolume", "create", f"{store}/bases/1.1"], check=True)
    with open(f"{store}/ast/ran", "w", encoding="ascii") as note:
        note.write("ran=1\n")
    for words in ["doctor"], ["gc", "--yes", "--keep", "1"], ["tmp"], ["clone", "1"], ["del", "--yes", "5"], ["doctor"]:
        ast(store, versions[1], *words)
    with open(f"{store}/ast/ran", encoding="ascii") as note:
        assert os.path.isdir(f"{store}/bases/1.1") and note.read() == "ran=1\n"


def ast(store, version, *words):
    """What a command writes; it has to succeed."""
    done = subprocess.run(
        [version, *words], env=os.environ | {"AST_STORE": store}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, f"{version} {words} exited with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout
