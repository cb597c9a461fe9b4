"""What the tests work with: images made by `ast bootstrap`, and machines that run copies of them."""

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import time

from machine import Machine

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.environ.get("AST_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "ast")
BINARY = os.environ.get("AST_BINARY") or os.path.join(TOP, ".build/release/ast")
# For bootstrap on this host, which may have no passt; the machines have what bootstrap brings.
os.environ["AST_CONFIG"] = os.path.join(TOP, "Tests/ast.toml")
START = os.path.join(os.path.dirname(BINARY), "ast-init")
OPTIONS = ["--size", "8G", "--kernel", "linux-image-cloud-amd64", "--hostname", "lab", "--serial", "ttyS0,115200"]
# For a Debian whose systemd waits for its disk: on a busy host, an emulated machine may take long.
PATIENCE = ("etc/systemd/system.conf.d", "patience.conf", "[Manager]\nDefaultDeviceTimeoutSec=30min\n")
SOFTWARE = ("tcg", "qemu64")
HARDWARE = ("kvm", "host")


class Lab:
    """Makes machines in a scratch directory, which goes with it."""

    def __init__(self, scratch, hardware=False):
        self.scratch = scratch
        self.processor = SOFTWARE
        self.machines = []
        self.count = 0
        if hardware:
            self._probe()

    def image(self, suite="trixie", binary=BINARY, include=None, boot_partition=None):
        """A disk with a fresh system of this release and this package: the same binary makes it once.

        With a boot partition of this size, GRUB reads kernels and menu from there."""
        archive = self._patient_archive(suite)
        options = OPTIONS + ["--tarball", archive] + (["--include", include] if include else [])
        options += ["--boot-partition", boot_partition] if boot_partition else []
        # An archive that is a copy of an earlier day.
        options += ["--apt-option", "Acquire::Check-Valid-Until=false"] if include else []
        key = hashlib.sha256(repr((options, os.path.getmtime(archive))).encode())
        files = [name for name in (include or "").split(",") if "/" in name]
        for program in [binary] + ([START] if binary == BINARY else []) + files:
            with open(program, "rb") as content:
                key.update(content.read())
        image = os.path.join(CACHE, f"boot-{suite}-{key.hexdigest()[:16]}.img")
        self._forget_images()
        if not os.path.exists(image):
            self._bootstrap(binary, image, options)
        os.utime(image)
        return image

    @staticmethod
    def _patient_archive(suite):
        """A minimal Debian with what PATIENCE says."""
        archive = subprocess.run(
            [os.path.join(TOP, "install/debian-root"), suite], check=True, stdout=subprocess.PIPE, text=True
        ).stdout.strip()
        patient = os.path.join(CACHE, f"boot-{suite}.tar")
        if not os.path.exists(patient) or os.path.getmtime(patient) < os.path.getmtime(archive):
            shutil.copyfile(archive, f"{patient}.new")
            directory, name, text = PATIENCE
            with tarfile.open(f"{patient}.new", "a") as tar:
                entry = tarfile.TarInfo(f"./{directory}")
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(entry)
                entry = tarfile.TarInfo(f"./{directory}/{name}")
                entry.size = len(text)
                tar.addfile(entry, io.BytesIO(text.encode("ascii")))
            os.rename(f"{patient}.new", patient)
        return patient

    def machine(self, disk=None, firmware="bios", second=None, is_second_writable=False, backing="raw"):
        """A machine with a copy of a disk: of an image, or of another machine that is off or saved.

        The second disk is a file that it may read; `backing` is the format of the image."""
        self.count += 1
        name = f"machine-{self.count}"
        own = os.path.join(self.scratch, f"{name}.qcow2")
        if isinstance(disk, Machine):
            shutil.copyfile(disk.disk, own)
        else:
            subprocess.run(
                ["qemu-img", "create", "-q", "-f", "qcow2", "-b", disk or self.image(), "-F", backing, own], check=True)
        machine = Machine(own, self.scratch, firmware, name, self.processor, second, is_second_writable)
        self.machines.append(machine)
        return machine

    def ready(self):
        """A copy of the machine that has started once and is logged in as root: there in a second.

        From then on, `pace` is how long it took to start and to prove itself.
        """
        if not hasattr(self, "_ready"):
            with self.machine() as first:
                first.start().boot()
                first.wait_until_good()
                self.pace = dict(first.phases)["good"]
                first.save("ready")
                self._ready = first
        return self.machine(self._ready).start("ready")

    def release(self):
        """Turns off what a test has left running.

        Returns the machines of the test, for what there is to tell about them.
        """
        used, self.machines = self.machines, []
        for machine in used:
            machine.stop()
        return used

    def _bootstrap(self, binary, image, options):
        began = time.monotonic()
        print(f"Making {os.path.basename(image)}", flush=True)
        password = os.path.join(self.scratch, "password")
        with open(password, "w", encoding="ascii") as file:
            file.write("root\n")
        log = os.path.join(self.scratch, "bootstrap.log")
        with open(log, "wb") as messages:
            status = subprocess.run(
                [binary, "bootstrap", "--image", image, *options, "--root-password", password],
                stdin=subprocess.DEVNULL, stdout=messages, stderr=messages, check=False).returncode
        with open(log, encoding="utf-8", errors="replace") as messages:
            said = messages.read()
        assert status == 0, f"ast bootstrap exited with {status}:\n{said[-2000:]}"
        assert "still in use" not in said, said
        print(f"  bootstrap {time.monotonic() - began:.1f} s", flush=True)

    @staticmethod
    def _forget_images():
        """Removes images that nobody has used for a day: others may be at work with another binary."""
        for name in os.listdir(CACHE):
            path = os.path.join(CACHE, name)
            if name.startswith("boot-") and time.time() - os.path.getmtime(path) > 86400:
                os.unlink(path)

    def _probe(self):
        """That /dev/kvm is there proves nothing: some hosts emulate what a guest's kernel does, and it hangs."""
        self.processor = HARDWARE
        probe = self.machine()
        try:
            probe.start()
            probe.expect(rb"GNU GRUB", patience=10)
            probe.line.send(b"\r")
            probe.expect(rb"login: ", patience=30)
            print("KVM works", flush=True)
        except (AssertionError, OSError):
            self.processor = SOFTWARE
            print("KVM does not work here: QEMU emulates", flush=True)
        finally:
            probe.stop()
            self.machines.remove(probe)
