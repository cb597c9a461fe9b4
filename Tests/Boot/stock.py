"""Disks with a Debian on a btrfs as its installer or an admin makes them, and the package that apt has installed."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time

from lab import CACHE, PATIENCE, TOP

PACKAGES = [
    "systemd-sysv", "udev", "dbus", "kmod", "zstd", "login", "linux-image-cloud-amd64",
    "btrfs-progs", "e2fsprogs", "grub-pc-bin", "grub-efi-amd64-bin", "grub2-common", "iproute2", "cron",
]
PARTITIONS = """label: gpt
size=1MiB, type=21686148-6449-6E6F-744E-656564454649
size=64MiB, type=C12A7328-F81F-11D2-BA4B-00C93EC93B3B
type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
"""
# Of each layout, the subvolume of the root, and those that are mounted in it.
LAYOUTS = {"installer": ("@rootfs", {}), "top": ("", {}), "home": ("@", {"home": "@home"})}
GRUB = r"""GRUB_DEFAULT=0
GRUB_TIMEOUT=5
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX_DEFAULT=""
GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200"
GRUB_TERMINAL="serial console"
GRUB_SERIAL_COMMAND="serial --unit=0 --speed=115200"
GRUB_DISABLE_OS_PROBER=true
"""
INSTALL = """set -e
# An archive may be a copy of an earlier day.
apt-get -o Acquire::Check-Valid-Until=false update
DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends /tmp/ast.deb
apt-get clean
rm -rf /tmp/ast.deb /var/lib/apt/lists/*
"""
SETUP = r"""set -e
echo stock >/etc/hostname
printf '127.0.0.1 localhost\n127.0.1.1 stock\n' >/etc/hosts
echo root:root | chpasswd
useradd --create-home --shell /bin/bash anna && echo anna:secret | chpasswd
rm -f /etc/machine-id && systemd-machine-id-setup
if command -v dracut >/dev/null; then
    # The machine that makes it has other devices than the one that starts with it.
    printf 'hostonly="no"\nhostonly_cmdline="no"\n' >/etc/dracut.conf.d/lab.conf
    dracut --regenerate-all --force
else
    update-initramfs -u
fi
grub-install --target=i386-pc "$1"
# The steps of grub-install for EFI: it wants the partition mounted, and not every host's kernel knows its file system.
cp -r /usr/lib/grub/x86_64-efi /boot/grub
printf "search.fs_uuid %s root\\nset prefix=(\$root)'%s'\\n" "$2" "$3/boot/grub" >/tmp/early.cfg
grub-mkimage --format=x86_64-efi --prefix="$3/boot/grub" --config=/tmp/early.cfg --output=/tmp/BOOTX64.EFI \
    part_gpt btrfs search_fs_uuid normal
update-grub
# Without udev it does not find out what the disk is called where it is booted.
sed -i "s|root=/dev/loop[0-9a-z]*|root=UUID=$2|" /boot/grub/grub.cfg
"""


def archive(suite, maker):
    """A tar archive of a Debian that boots, with this maker of initrds: made once a week."""
    path = os.path.join(CACHE, f"stock-{suite}-{maker}.tar")
    if not os.path.exists(path) or time.time() - os.path.getmtime(path) > 7 * 86400:
        print(f"Making {os.path.basename(path)}", flush=True)
        run("mmdebstrap", "--quiet", "--variant=minbase", "--format=tar", f"--include={','.join(PACKAGES + [maker])}",
            '--aptopt=Acquire::Check-Valid-Until "false"',
            '--customize-hook=cd "$1/etc" && rm -f hostname resolv.conf && : >resolv.conf', suite, f"{path}.new")
        os.rename(f"{path}.new", path)
    return path


def package():
    """The Debian package that is tested: AST_PACKAGE names one, or it is made."""
    return os.environ.get("AST_PACKAGE") or run(os.path.join(TOP, "install/package")).splitlines()[-1]


def make(image, deb, layout, suite, maker, has_esp):
    """Makes a disk in a file: it starts on BIOS machines, and with an ESP mounted on EFI machines, too."""
    tar = archive(suite, maker)
    subvolume, others = LAYOUTS[layout]
    with contextlib.ExitStack() as after:
        run("truncate", "--size", "6G", image)
        run("sfdisk", "--quiet", image, text=PARTITIONS)
        disk = run("losetup", "--find", "--show", "--partscan", image).strip()
        after.callback(run, "losetup", "--detach", disk)
        run("partx", "--update", disk)
        run("mkfs.vfat", "-F", "32", f"{disk}p2")
        run("mkfs.btrfs", "--quiet", "--force", f"{disk}p3")
        scratch = after.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp"))
        uuids = [run("blkid", "-s", "UUID", "-o", "value", f"{disk}p{part}").strip() for part in (2, 3)]
        root = os.path.join(scratch, "root")

        def mount(*arguments):
            os.makedirs(arguments[-1], exist_ok=True)
            run("mount", *arguments)
            after.callback(run, "umount", arguments[-1])

        top = os.path.join(scratch, "top")
        mount(f"{disk}p3", top)
        for name in [subvolume, *others.values()]:
            if name:
                run("btrfs", "subvolume", "create", os.path.join(top, name))
        lines = [f"UUID={uuids[1]} / btrfs defaults{',subvol=' + subvolume if subvolume else ''},compress=zstd:1 0 0"]
        mount("-o", f"subvol=/{subvolume}", f"{disk}p3", root)
        for place, name in others.items():
            lines.append(f"UUID={uuids[1]} /{place} btrfs defaults,subvol={name} 0 0")
            mount("-o", f"subvol={name}", f"{disk}p3", os.path.join(root, place))
        run("tar", "-C", root, "-xf", tar)
        if has_esp:
            lines.append(f"UUID={uuids[0]} /boot/efi vfat umask=0077 0 1")
            os.makedirs(os.path.join(root, "boot/efi"))
        write(root, "etc/fstab", "\n".join(lines) + "\n")
        write(root, "etc/default/grub", GRUB)
        directory, name, text = PATIENCE
        os.makedirs(os.path.join(root, directory))
        write(root, os.path.join(directory, name), text)
        for place in ("dev", "proc", "sys"):
            mount("--bind", f"/{place}", os.path.join(root, place))
        run("chroot", root, "sh", "-c", SETUP, "sh", disk, uuids[1], f"/{subvolume}".rstrip("/"))
        loader = os.path.join(root, "tmp/BOOTX64.EFI")
        run("mmd", "-i", f"{disk}p2", "::/EFI", "::/EFI/BOOT")
        run("mcopy", "-i", f"{disk}p2", loader, "::/EFI/BOOT/BOOTX64.EFI")
        os.unlink(loader)
        resolver = os.path.join(root, "etc/resolv.conf")
        shutil.copy("/etc/resolv.conf", resolver)
        shutil.copy(deb, os.path.join(root, "tmp/ast.deb"))
        run("chroot", root, "sh", "-c", INSTALL)
        write(root, "etc/resolv.conf", "")


def write(root, path, text):
    with open(os.path.join(root, path), "w", encoding="utf-8") as file:
        file.write(text)


def run(*command, text=None):
    done = subprocess.run(
        command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, f"{command} exited with {done.returncode}:\n{done.stdout[-2000:]}"
    return done.stdout
