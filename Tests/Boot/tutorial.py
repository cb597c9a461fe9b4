"""What ast-tutorial(7) says to type, typed: each section on a machine that was made just now."""

import os
import re
import subprocess

import stock
from lab import TOP

PAGE = os.path.join(TOP, "man/ast-tutorial.7")
LINE = re.compile(r"\s+(#|\$|\(ast \d+\)#|grub>) (.*)")
# In node 1, an archive with all packages that the page names, and what a next release has. Nothing Debian has breaks
# what is as new as these.
ARCHIVE = r"""#!/bin/sh -e
publish() {
    rm -rf /tmp/package && mkdir -p /tmp/package/DEBIAN "/usr/local/archive/$1" && cd "/usr/local/archive/$1"
    printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: me <me@lab>\nDescription: it\n' "$2" "$3" \
        >/tmp/package/DEBIAN/control
    dpkg-deb --build /tmp/package "$2.deb"
    { cat /tmp/package/DEBIAN/control; echo "Filename: ./$1/$2.deb"; stat -c 'Size: %s' "$2.deb"
      sha256sum <"$2.deb" | sed 's/^/SHA256: /; s/ *-$//'; echo; } >>Packages
}
for name; do publish bookworm "$name" 9:1; done
publish trixie "$1" 9:2
rm -f /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/usr/local/archive bookworm/' >/etc/apt/sources.list
"""


def sections():
    """The lines to type, with their prompts, by section."""
    page = subprocess.run(["mandoc", "-Tutf8", "-Owidth=200", PAGE], check=True, stdout=subprocess.PIPE, text=True)
    found, lines = {}, []
    for line in re.sub(".\b", "", page.stdout).splitlines():
        if line and not line[0].isspace():
            lines = found.setdefault(line, [])
        typed = LINE.fullmatch(line)
        if typed:
            lines.append(typed.groups())
    return {title: lines for title, lines in found.items() if lines}


SECTIONS = sections()


def machine_with_archive(lab):
    if not hasattr(lab, "with_archive"):
        install = re.compile(r"ast install --yes (?:\"[^\"]+\"|\S+) (.*)")
        typed = [install.match(command) for lines in SECTIONS.values() for _, command in lines]
        names = sorted({name for found in typed if found for name in found.group(1).split()})
        machine = lab.ready()
        machine.succeed(f"cat >/root/archive <<'EOF'\n{ARCHIVE}EOF")
        machine.succeed(f"ast run 1 sh -s release {' '.join(names)} </root/archive && ast install --yes 1 release")
        machine.save("with-archive")
        machine.stop()
        lab.with_archive = machine
    return lab.machine(lab.with_archive).start("with-archive")


def follow(machine, lines):
    """Types what a page says; a line of another prompt is for what the line before it has opened."""
    lines = list(lines)
    while lines:
        prompt, command = lines.pop(0)
        inside = []
        while lines and lines[0][0].startswith("("):
            inside.append(lines.pop(0)[1])
        print(f"  {prompt} {command}", flush=True)
        if command == "systemctl reboot":
            machine.wait_until_good()
            machine.reboot()
            machine.boot()
        elif inside:
            machine.succeed(f"{command} <<'EOF'\n" + "\n".join(inside) + "\nEOF")
        else:
            machine.succeed(command if prompt == "#" else f"runuser -u anna -- {command}", patience=600)


def readme(section):
    """The commands of a section of README.md, with what is typed into the shell that they open, and what they print."""
    with open(os.path.join(TOP, "README.md"), encoding="utf-8") as file:
        text = file.read().split(f"\n## {section}\n")[1].split("\n## ")[0]
    steps = []
    for line in re.findall(r"^    (.*)$", text, re.M):
        if line.startswith("# "):
            steps.append((line[2:].split("  # ")[0], [], []))
        elif line.startswith("(ast "):
            steps[-1][1].append(line.split("# ", 1)[1])
        else:
            steps[-1][2].append(line)
    return steps


def test_readme(lab):
    """What README.md says to type, on a machine as bootstrap makes it, with packages from Debian's archive."""
    machine = lab.machine(lab.image(include=stock.package())).start().boot()
    machine.wait_until_good()
    machine.succeed("ast install --live 1 mmdebstrap </dev/null", patience=3600)
    store = ""
    for command, inside, shown in readme("A machine that runs from the tree") + readme("Five minutes"):
        # test_other_systems_are_made_on_a_deployed_machine makes a disk there.
        if command.startswith("ast bootstrap "):
            continue
        if command.startswith("export "):
            store = f"{command}; "
            continue
        print(f"  # {command}", flush=True)
        said = machine.succeed(f"{store}{command} 2>&1 <<'EOF'\n" + "".join(f"{line}\n" for line in inside) + "EOF",
                               patience=7200)
        # The counts in a plan and in a summary depend on the archive; a note is for a terminal.
        if not command.startswith(("ast install", "ast tree-upgrade", "ast sync")):
            for line in shown:
                assert " is open: " in line or line in said.splitlines(), f"{line}: {said}"
    machine.reboot()
    machine.boot()
    machine.wait_until_good()
    assert machine.succeed("ast current; dpkg-query --show --showformat '${Status}' nginx") == "2\ninstall ok installed"


def test_tutorial_after_the_installation(lab):
    machine = machine_with_archive(lab)
    follow(machine, SECTIONS["AFTER THE INSTALLATION"])
    assert machine.succeed("ast current; readlink /etc/localtime") == "2\n/usr/share/zoneinfo/Europe/Berlin"
    machine.reboot()
    machine.boot()
    assert machine.succeed("ast current") == "1"


def test_tutorial_trying_a_desktop(lab):
    machine = machine_with_archive(lab)
    follow(machine, SECTIONS["TRYING A DESKTOP"])
    assert machine.succeed("ast current; dpkg-query -Wf '${Version}' task-xfce-desktop") == "3\n9:1"
    assert "Plasma" not in machine.succeed("ast tree")


def test_tutorial_work_and_games(lab):
    machine = machine_with_archive(lab)
    follow(machine, SECTIONS["WORK AND GAMES"])
    packages = "dpkg-query -Wf '\\${Package} ' keepassxc libreoffice steam-installer 2>/dev/null"
    for node, expected in (("work", "keepassxc libreoffice"), ("games", "keepassxc steam-installer")):
        assert machine.succeed(f"ast -q run {node} sh -c \"{packages}; :\"").strip() == expected


def test_tutorial_a_new_release(lab):
    machine = machine_with_archive(lab)
    follow(machine, SECTIONS["A NEW RELEASE, WITH A WAY BACK"])
    assert machine.succeed("ast current; dpkg-query -Wf '${Version}' release") == "2\n9:2"


def test_tutorial_a_device_that_keeps_itself_up_to_date(lab):
    machine = machine_with_archive(lab)
    follow(machine, SECTIONS["A DEVICE THAT KEEPS ITSELF UP TO DATE"])
    machine.succeed("ast run 1 test -x /etc/ast/health.d/web")


def test_tutorial_several_people_and_etc(lab):
    machine = machine_with_archive(lab)
    follow(machine, SECTIONS["SEVERAL PEOPLE"])
    machine.succeed("echo mine >/etc/mine")
    follow(machine, SECTIONS["CHANGES IN /ETC"])
    machine.succeed("ast run \"with my settings\" grep mine /etc/mine")


def test_tutorial_when_nothing_boots(lab):
    machine = lab.ready()
    lines = SECTIONS["WHEN NOTHING BOOTS"]
    typed = [command for prompt, command in lines if prompt == "grub>"]
    second = typed.index(typed[0], 1)
    # All that is left is what brings the prompt to where it can be read.
    terminal = "serial --unit=0 --speed=115200\\nterminal_input serial\\nterminal_output serial\\n"
    machine.succeed(f"printf '{terminal}' >/boot/grub/grub.cfg && sync")
    machine.reboot()
    type_to_grub(machine, typed[:second])
    machine.boot()
    assert machine.succeed("ast current") == "1"
    machine.reboot()
    type_to_grub(machine, typed[second:])
    machine.login()
    assert machine.succeed("ast current; systemctl is-system-running --wait") == "1\nrunning"
    for _, command in [line for line in lines if line[0] == "#"]:
        if command == "ast doctor --rebuild":
            machine.succeed("cp /dev/null /mnt/ast/tree.sqlite && ! ast tree")
        machine.succeed(command.replace("/dev/sda3", "/dev/vda3"))
    assert "first system" in machine.succeed("ast tree && ast doctor --quiet")


def test_tutorial_leaving_ast(lab):
    machine = lab.machine(lab.image(include=stock.package())).start().boot()
    machine.wait_until_good()
    machine.succeed("echo mine >/etc/mine; echo data >/home/data")
    lines = [line for line in SECTIONS["LEAVING AST"] if line[0] == "#"]
    menu = [command for prompt, command in SECTIONS["LEAVING AST"] if prompt == "grub>"]
    restart = [command for _, command in lines].index("systemctl reboot")
    # One shell: a later line uses what an earlier one has set.
    machine.succeed("(set -e\n" + "\n".join(command for _, command in lines[:restart]) + ")", patience=900)
    machine.reboot()
    # What it says for a system that does not start: the deployments are there as long as they are not deleted.
    machine.menu()
    machine.line.send(b"c")
    type_to_grub(machine, menu)
    machine.boot()
    assert machine.succeed("ast current; cat /etc/mine") == "1\nmine"
    machine.reboot()
    machine.login()
    assert machine.succeed("systemctl is-system-running --wait; cat /etc/mine /home/data") == "running\nmine\ndata"
    machine.succeed("\n".join(command for _, command in lines[restart + 1:]))
    assert machine.succeed("findmnt -no FSROOT /; ls -d /usr/lib/ast 2>/dev/null; :") == "/@debian"
    machine.succeed("test -w /usr && dpkg --audit && apt-get check")
    machine.reboot()
    machine.login()
    assert machine.succeed("systemctl is-system-running --wait") == "running"


def type_to_grub(machine, lines):
    """One key at a time: GRUB loses some of many."""
    for line in lines:
        machine.expect(rb"grub> ")
        console = " console=ttyS0,115200" if line.startswith("linux") else ""
        for key in f"{line}{console}":
            machine.line.send(key.encode())
            machine.wait(0.1)
        machine.line.send(b"\r")
