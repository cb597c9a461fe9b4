"""The story of a machine, in a handful of boots."""

# Of a package with a directory in /var.
CONTROL = "Package: seeded\\nVersion: 1\\nArchitecture: all\\nMaintainer: A <a@b>\\nDescription: a directory\\n"


def test_first_boot_with_efi(lab):
    """That of the other tests is with BIOS."""
    with lab.machine(firmware="efi") as machine:
        machine.start()
        entries = machine.menu()
        assert len(entries) == 2 and "node 1, " in entries[0] and entries[1] == "Snapshot tree", entries
        machine.line.send(b"\r")
        machine.login()
        machine.succeed("test -d /sys/firmware/efi")
        assert machine.succeed("ast current") == "1"
        assert machine.succeed("ast tree").splitlines()[2] == "└── 1*- first system"
        assert "Read-only file system" in machine.fail("touch /usr/x")
        machine.succeed("echo changed >/etc/x && grep changed /etc/x")
        assert machine.succeed("systemctl is-system-running --wait") == "running"
        assert machine.succeed("systemctl --failed --no-legend") == ""
        machine.wait_until_good()
        status = machine.succeed("ast status")
        assert "deployment 1 (node 1), good" in status, status


def test_deploy_choose_and_roll_back(lab):
    deploys_chooses_and_rolls_back(lab.ready())


def deploys_chooses_and_rolls_back(machine):
    machine.succeed("ast clone 1 second")
    machine.succeed("printf 'echo from the node >/etc/marker; exit 0\\n' | ast chroot 2")
    machine.succeed("echo admin >/etc/edited && echo data >/var/data && echo mine >/home/file")
    machine.succeed(f"mkdir -p /tmp/p/DEBIAN /tmp/p/var/lib/seeded && printf '{CONTROL}' >/tmp/p/DEBIAN/control")
    machine.succeed("dpkg-deb --build /tmp/p /tmp/seeded.deb && ast -y install 2 /tmp/seeded.deb")
    machine.succeed("ast deploy 2")
    machine.succeed("grep -q '\\[ -e .*all_video.mod \\]; then insmod all_video' /boot/grub/grub.cfg")
    machine.fail("test -e /var/lib/seeded")
    change_after_deploy(machine)
    status = machine.succeed("ast status")
    assert "changes until the restart come along to deployment 2" in status, status

    machine.reboot()
    machine.boot()
    assert machine.succeed("ast current") == "2"
    machine.succeed("test -d /var/lib/seeded && test ! -e /etc/.ast/seed && test ! -e /var/.ast-new")
    assert machine.succeed("systemctl is-active ast-var") == "active"
    assert "added /var/lib/seeded" in machine.succeed("journalctl --no-pager -b -u ast-var -o cat")
    assert machine.succeed("cat /etc/marker /etc/edited /var/data /home/file") == "from the node\nadmin\ndata\nmine"
    expect_changes(machine)
    # The second is what an initrd with systemd starts.
    first = machine.succeed("cat /proc/1/cmdline | tr '\\0' ' '").split()[0]
    assert first in ("/sbin/init", "/usr/lib/systemd/systemd"), first
    assert machine.succeed("systemctl is-system-running --wait") == "running"
    machine.wait_until_good()
    machine.succeed("useradd --create-home anna && echo anna:secret | chpasswd")
    machine.succeed("echo second >/etc/edited")

    machine.reboot()
    machine.boot("Other deployments", "node 1,")
    assert machine.succeed("ast current") == "1"
    machine.fail("test -e /etc/marker")
    assert machine.succeed("cat /etc/edited /var/data /home/file") == "admin\ndata\nmine"
    # People follow the machine, and what they had in a good deployment's /etc does not.
    assert machine.succeed("id -u anna") == "1001"
    machine.succeed("getent shadow anna | grep -q ':[$]y[$]' && ls -d /home/anna")
    machine.succeed("ast rollback")

    machine.reboot()
    machine.boot()
    assert machine.succeed("ast current") == "1"


# What an administrator does between `ast deploy` and the restart, and what is there after it.
CHANGES = [
    ("useradd --create-home zoe && echo zoe:secret | chpasswd", "id -u zoe", "1000"),
    ("echo zoe:other | chpasswd && getent shadow zoe >/home/shadow", "getent shadow zoe | diff - /home/shadow", ""),
    ("echo '# mine' >>/etc/adduser.conf", "tail -n 1 /etc/adduser.conf", "# mine"),
    ("rm /etc/cron.daily/dpkg", "test -e /etc/cron.daily/dpkg && echo there", ""),
    ("ln -sf /usr/share/zoneinfo/Europe/Paris /etc/localtime", "readlink /etc/localtime",
     "/usr/share/zoneinfo/Europe/Paris"),
    ("printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=true\\n[Install]\\nWantedBy=multi-user.target\\n'"
     " >/etc/systemd/system/mine.service && systemctl enable mine", "systemctl is-active mine", "active"),
    ("mkdir -p /home/mnt && echo 'tmpfs /home/mnt tmpfs defaults,size=1m 0 0' >>/etc/fstab",
     "findmnt -n -o FSTYPE /home/mnt", "tmpfs"),
    ("echo renamed >/etc/hostname", "hostname", "renamed"),
]


def change_after_deploy(machine):
    for change, _, _ in CHANGES:
        machine.succeed(change)


def expect_changes(machine):
    for change, question, answer in CHANGES:
        found = machine.succeed(f"{question} || :")
        assert found == answer, (change, found)


def test_broken_init_falls_back(lab):
    machine = lab.ready()
    machine.succeed("ast clone 1 broken")
    machine.succeed("ast run 2 ln -sf /usr/bin/false /sbin/init")
    machine.succeed("ast deploy 2")
    machine.reboot()
    # Nobody touches it: three tries, and each waits 10 seconds before it restarts.
    machine.login(patience=900)
    assert machine.succeed("ast current") == "1"
    machine.succeed("for i in $(seq 60); do ast status | grep -q failed && break; sleep 1; done")
    status = machine.succeed("ast status")
    assert "deployment 1 (node 1), good" in status and "failed" in machine.succeed("ast deployments"), status
