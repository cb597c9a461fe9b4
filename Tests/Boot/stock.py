"""Disks with a Debian on a btrfs as its installer or an admin makes them, and the package that apt has installed."""

import contextlib
import os
import re
import shutil
import struct
import subprocess
import tempfile
import time
import uuid

from lab import CACHE, PATIENCE, TOP

PACKAGES = [
    "systemd-sysv", "udev", "dbus", "kmod", "zstd", "login", "linux-image-cloud-amd64",
    "btrfs-progs", "e2fsprogs", "grub-pc-bin", "grub-efi-amd64-bin", "grub2-common", "iproute2", "cron",
]
PARTITIONS = """label: gpt
size=1MiB, type=21686148-6449-6E6F-744E-656564454649
size=64MiB, type=C12A7328-F81F-11D2-BA4B-00C93EC93B3B
size=4800MiB, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
size=400MiB, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
"""
# Of each layout, the subvolume of the root, those that are mounted in it, and the ext4 there, by their partitions.
LAYOUTS = {
    "installer": ("@rootfs", {}, {}), "top": ("", {}, {}), "home": ("@", {"home": "@home"}, {}),
    "apart": ("@rootfs", {}, {"boot": 4, "var": 5}), "lvm": ("@rootfs", {}, {}), "ext4": ("", {}, {"home": 4}),
    "encrypted": ("@rootfs", {}, {"boot": 4}), "md": ("@rootfs", {}, {}), "pair": ("@rootfs", {}, {}),
}
# The packages that a layout needs beside the others.
MORE = {
    "lvm": ["lvm2"], "ext4": ["sqlite3", "dosfstools", "mtools", "fdisk"], "encrypted": ["cryptsetup-initramfs"],
    "md": ["mdadm"],
}
# The modules that GRUB needs to find the root.
MODULES = {"lvm": "lvm", "md": "mdraid1x"}
# The name of the encrypted volume, as the installer gives it, and its passphrase.
ENCRYPTED = ("vda3_crypt", "correct horse")
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
# In a volume that this machine does not have, it would not find the disk.
mkdir -p /boot/grub
[ -n "$5" ] || grub-install --target=i386-pc "$1"
# The steps of grub-install for EFI: it wants the partition mounted, and not every host's kernel knows its file system.
cp -r /usr/lib/grub/x86_64-efi /boot/grub
printf "search.fs_uuid %s root\\nset prefix=(\$root)'%s'\\n" "$4" "$3" >/tmp/early.cfg
grub-mkimage --format=x86_64-efi --prefix="$3" --config=/tmp/early.cfg --output=/tmp/BOOTX64.EFI \
    part_gpt btrfs ext2 search_fs_uuid normal $5
update-grub
# Without udev it does not find out what the disk is called where it is booted; there, no part of it is a loop device.
sed -i -e "s|root=/dev/loop[0-9a-z]*|root=UUID=$2|" -e '/^\s*loopback loop/d' -e '/^\s*set root=(loop/d' \
    /boot/grub/grub.cfg
"""


def archive(suite, maker, layout="installer"):
    """A tar archive of a Debian that boots, with this maker of initrds, and the packages of a layout: made once a week."""
    more = MORE.get(layout, [])
    path = os.path.join(CACHE, f"stock-{'-'.join([suite, maker, *more])}.tar")
    if not os.path.exists(path) or time.time() - os.path.getmtime(path) > 7 * 86400:
        print(f"Making {os.path.basename(path)}", flush=True)
        run("mmdebstrap", "--quiet", "--variant=minbase", "--format=tar", f"--include={','.join(PACKAGES + [maker, *more])}",
            '--aptopt=Acquire::Check-Valid-Until "false"',
            '--customize-hook=cd "$1/etc" && rm -f hostname resolv.conf && : >resolv.conf', suite, f"{path}.new")
        os.rename(f"{path}.new", path)
    return path


def package():
    """The Debian package that is tested: AST_PACKAGE names one, or it is made."""
    return os.environ.get("AST_PACKAGE") or run(os.path.join(TOP, "install/package")).splitlines()[-1]


def make(image, deb, layout, suite, maker, has_esp):
    """Makes a disk in a file: it starts on BIOS machines, and with an ESP mounted on EFI machines, too."""
    tar = archive(suite, maker, layout)
    subvolume, others, parts = LAYOUTS[layout]
    with contextlib.ExitStack() as after:
        run("truncate", "--size", "6G", image)
        run("sfdisk", "--quiet", image, text=PARTITIONS)
        disk = run("losetup", "--find", "--show", "--partscan", image).strip()
        after.callback(run, "losetup", "--detach", disk)
        run("partx", "--update", disk)
        run("mkfs.vfat", "-F", "32", f"{disk}p2")
        scratch = after.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp"))
        volume = f"{disk}p3"
        if layout == "lvm":
            volume = logical_volume(volume, tar, after)
        elif layout == "md":
            volume = mirrored(volume, f"{image}.second", after)
        elif layout == "encrypted":
            encrypted = EncryptedVolume(volume, scratch, tar)
            after.callback(encrypted.fill)
            volume = encrypted.plain
        more = pair(volume, f"{image}.second", after) if layout == "pair" else []
        kind = "ext4" if layout == "ext4" else "btrfs"
        run(f"mkfs.{kind}", "-q", "-F" if layout == "ext4" else "-f", volume, *more)
        for part in parts.values():
            run("mkfs.ext4", "-q", "-F", f"{disk}p{part}")

        def identity(device):
            return run("blkid", "--probe", "--match-tag", "UUID", "--output", "value", device).strip()

        uuids = [identity(f"{disk}p2"), identity(volume)]
        root = os.path.join(scratch, "root")

        def mount(*arguments):
            os.makedirs(arguments[-1], exist_ok=True)
            run("mount", *arguments)
            after.callback(run, "umount", arguments[-1])

        top = os.path.join(scratch, "top")
        mount(volume, top)
        for name in [subvolume, *others.values()]:
            if name:
                run("btrfs", "subvolume", "create", os.path.join(top, name))
        if kind == "ext4":
            lines = [f"UUID={uuids[1]} / ext4 errors=remount-ro 0 1"]
            mount(volume, root)
        else:
            lines = [f"UUID={uuids[1]} / btrfs defaults{',subvol=' + subvolume if subvolume else ''},compress=zstd:1 0 0"]
            mount("-o", f"subvol=/{subvolume}", volume, root)
        if layout == "encrypted":
            lines[0] = f"/dev/mapper/{ENCRYPTED[0]} / btrfs defaults,subvol={subvolume} 0 0"
        for place, name in others.items():
            lines.append(f"UUID={uuids[1]} /{place} btrfs defaults,subvol={name} 0 0")
            mount("-o", f"subvol={name}", volume, os.path.join(root, place))
        for place, part in parts.items():
            lines.append(f"UUID={identity(f'{disk}p{part}')} /{place} ext4 defaults 0 2")
            mount(f"{disk}p{part}", os.path.join(root, place))
        run("tar", "-C", root, "-xf", tar)
        if has_esp:
            lines.append(f"UUID={uuids[0]} /boot/efi vfat umask=0077 0 1")
            os.makedirs(os.path.join(root, "boot/efi"))
        write(root, "etc/fstab", "\n".join(lines) + "\n")
        write(root, "etc/default/grub", GRUB)
        if layout == "encrypted":
            # In a machine that has the disk open, its line comes into the initrd without this option.
            table = f"{ENCRYPTED[0]} UUID={encrypted.uuid} none luks,discard,x-initrd.attach"
            write(root, "etc/crypttab", f"{table},initramfs\n")
        directory, name, text = PATIENCE
        os.makedirs(os.path.join(root, directory))
        write(root, os.path.join(directory, name), text)
        for place in ("dev", "proc", "sys"):
            mount("--bind", f"/{place}", os.path.join(root, place))
        loader = ("/grub", identity(f"{disk}p{parts['boot']}")) if "boot" in parts else (
            f"{f'/{subvolume}'.rstrip('/')}/boot/grub", uuids[1])
        if layout == "pair":
            # Without this name, grub-mkconfig takes the names of both devices for the root.
            name = f"/dev/disk/by-uuid/{uuids[1]}"
            os.makedirs(os.path.dirname(name), exist_ok=True)
            os.symlink(volume, name)
            after.callback(os.unlink, name)
        run("chroot", root, "sh", "-c", SETUP, "sh", disk, uuids[1], *loader, MODULES.get(layout, ""))
        loader = os.path.join(root, "tmp/BOOTX64.EFI")
        run("mmd", "-i", f"{disk}p2", "::/EFI", "::/EFI/BOOT")
        run("mcopy", "-i", f"{disk}p2", loader, "::/EFI/BOOT/BOOTX64.EFI")
        os.unlink(loader)
        if layout == "encrypted":
            write(root, "etc/crypttab", f"{table}\n")
        resolver = os.path.join(root, "etc/resolv.conf")
        shutil.copy("/etc/resolv.conf", resolver)
        shutil.copy(deb, os.path.join(root, "tmp/ast.deb"))
        run("chroot", root, "sh", "-c", INSTALL)
        write(root, "etc/resolv.conf", "")


def logical_volume(partition, tar, after):
    """Makes a volume group with a linear logical volume in a partition, and gives a loop device of that volume's place:
    the kernel of this machine may have no device mapper. The metadata of the volume are written as text."""
    tools = unpacked(tar, after)
    options = ["--config", "devices{use_devicesfile=0} activation{udev_sync=0 udev_rules=0}"]

    def lvm(*command):
        return run("chroot", tools, "lvm", command[0], *options, *command[1:])

    lvm("pvcreate", "--yes", "--force", partition)
    lvm("vgcreate", "stock-vg", partition)
    lvm("vgcfgbackup", "--file", "/tmp/vg", "stock-vg")
    with open(os.path.join(tools, "tmp/vg"), encoding="utf-8") as file:
        text = file.read()
    extents = int(re.search(r"pe_count = (\d+)", text).group(1))
    start = int(re.search(r"pe_start = (\d+)", text).group(1)) * 512
    size = int(re.search(r"extent_size = (\d+)", text).group(1)) * 512
    volume = f"""logical_volumes {{
        root {{
            id = "abcdef-ABCD-abcd-ABCD-abcd-ABCD-abcdef"
            status = ["READ", "WRITE", "VISIBLE"]
            flags = []
            segment_count = 1
            segment1 {{
                start_extent = 0
                extent_count = {extents}
                type = "striped"
                stripe_count = 1
                stripes = ["pv0", 0]
            }}
        }}
    }}
    """
    # Into the volume group, which ends with a brace at the beginning of a line.
    end = text.index("\n}", text.index("\nstock-vg {"))
    write(tools, "tmp/vg", f"{text[:end]}\n{volume}{text[end:]}")
    lvm("vgcfgrestore", "--force", "--file", "/tmp/vg", "stock-vg")
    loop = run("losetup", "--find", "--show", "--offset", str(start), "--sizelimit", str(extents * size), partition).strip()
    after.callback(run, "losetup", "--detach", loop)
    return loop


def pair(partition, other, after):
    """Makes a second disk for a btrfs that has all its data twice, and gives the options that make it."""
    run("truncate", "--size", run("blockdev", "--getsize64", partition).strip(), other)
    loop = run("losetup", "--find", "--show", other).strip()
    after.callback(run, "losetup", "--detach", loop)
    return ["--data", "raid1", "--metadata", "raid1", loop]


def mirrored(partition, other, after):
    """Makes a RAID1 of a partition and another file, which gets the same content in the end, and gives a loop device of
    their data: the kernel of this machine may have no md."""
    start, size = 1 << 20, int(run("blockdev", "--getsize64", partition)) - (1 << 20)
    array, members = uuid.uuid4().bytes, [uuid.uuid4().bytes for _ in range(2)]

    def superblock(number):
        """The metadata 1.2 of a member, `struct mdp_superblock_1` of Linux (md_p.h)."""
        block = bytearray(512)
        struct.pack_into("<II8x16s32s", block, 0, 0xA92B4EFC, 1, array, b"stock:root")
        struct.pack_into("<QIIQII", block, 64, 0, 1, 0, size // 512, 0, 2)
        struct.pack_into("<QQQQI4x16s", block, 128, start // 512, size // 512, 8, 0, number, members[number])
        struct.pack_into("<QQQII", block, 192, 0, 1, 0xFFFFFFFFFFFFFFFF, 0, 128)
        struct.pack_into("<128H", block, 256, 0, 1, *[0xFFFF] * 126)
        total = sum(struct.unpack("<128I", block))
        struct.pack_into("<I", block, 216, (total & 0xFFFFFFFF) + (total >> 32) & 0xFFFFFFFF)
        return block

    def finish():
        run("losetup", "--detach", loop)
        run("cp", "--sparse=always", partition, other)
        for place, number in ((partition, 0), (other, 1)):
            with open(place, "r+b") as file:
                file.seek(4096)
                file.write(superblock(number))

    loop = run("losetup", "--find", "--show", "--offset", str(start), "--sizelimit", str(size), partition).strip()
    after.callback(finish)
    return loop


class EncryptedVolume:
    """A LUKS2 volume in a partition. The kernel of this machine may have no device mapper, so its content is in a file,
    with a loop device, until it is filled."""

    START = 16 << 20

    def __init__(self, partition, scratch, tar):
        self.partition, self.scratch, self.tar, self.uuid = partition, scratch, tar, str(uuid.uuid4())
        self.file = os.path.join(scratch, "plain")
        self.size = int(run("blockdev", "--getsize64", partition)) - self.START
        run("truncate", "--size", str(self.size), self.file)
        # grub-mkconfig makes no entry for a root in a file, but it does for one in another device.
        self.loop = run("losetup", "--find", "--show", self.file).strip()
        self.plain = run("losetup", "--find", "--show", self.loop).strip()

    def fill(self):
        """Encrypts the content, which nothing uses any more, into the partition: QEMU does it, with the header of LUKS1,
        and cryptsetup makes one of LUKS2 for the same key."""
        run("losetup", "--detach", self.plain, self.loop)
        first, secret = os.path.join(self.scratch, "luks1"), ["--object", f"secret,id=key,data={ENCRYPTED[1]}"]
        make = ["qemu-img", "create", "-q", *secret, "-f", "luks", "-o", "key-secret=key,iter-time=50", first, str(self.size)]
        # On some hosts it cannot always find out how fast it is: "Unable to get accurate CPU usage".
        assert any(subprocess.run(make, check=False).returncode == 0 for _ in range(20)), make
        # Zeros are content: what is not encrypted, as the holes of the file, is noise when it is read.
        run("qemu-img", "convert", "-n", "--target-is-zero", "-S", "16M", *secret, "--target-image-opts", "-f", "raw",
            self.file, f"driver=luks,key-secret=key,file.filename={first}")
        with open(first, "rb") as file:
            header = file.read(108)
        with contextlib.ExitStack() as after:
            tools = unpacked(self.tar, after)
            loop = run("losetup", "--find", "--show", first).strip()
            after.callback(run, "losetup", "--detach", loop)
            run("chroot", tools, "cryptsetup", "luksDump", "--batch-mode", "--dump-volume-key", "--volume-key-file", "/key",
                "--key-file", "-", loop, text=ENCRYPTED[1])
            run("chroot", tools, "cryptsetup", "luksFormat", "--batch-mode", "--type", "luks2", "--uuid", self.uuid,
                "--volume-key-file", "/key", "--key-size", "512", "--sector-size", "512", "--offset", str(self.START // 512),
                "--pbkdf-memory", "65536", "--pbkdf-force-iterations", "4", "--key-file", "-", self.partition,
                text=ENCRYPTED[1])
        run("dd", f"if={first}", f"of={self.partition}", "bs=1M", "conv=sparse,notrunc", "iflag=skip_bytes",
            "oflag=seek_bytes", f"skip={int.from_bytes(header[104:108], 'big') * 512}", f"seek={self.START}", "status=none")


def unpacked(tar, after):
    """A directory with the programs of an archive, in which they find devices, until everything goes."""
    tools = after.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp"))
    run("tar", "-C", tools, "-xf", tar)
    for place in ("dev", "proc"):
        run("mount", "--bind", f"/{place}", os.path.join(tools, place))
        after.callback(run, "umount", os.path.join(tools, place))
    return tools


def write(root, path, text):
    with open(os.path.join(root, path), "w", encoding="utf-8") as file:
        file.write(text)


def run(*command, text=None):
    done = subprocess.run(
        command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, f"{command} exited with {done.returncode}:\n{done.stdout[-2000:]}"
    return done.stdout
