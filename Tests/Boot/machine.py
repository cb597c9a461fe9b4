"""A virtual machine that is driven by its serial line: boot menu, login, commands."""

import os
import re
import shutil
import socket
import subprocess
import time

import pexpect
from pexpect import fdpexpect

from screen import Screen

# GRUB takes these for the arrow keys, which begin with Escape: if the rest of one is late, a submenu is left.
KEY_DOWN = b"v"
KEY_UP = b"^"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]|\x1b[=>78]")
# Under software emulation on a busy machine everything takes its time.
PATIENCE = 600


class Machine:
    """QEMU with one disk. The serial line is a unix socket: no pty in between that adds or takes characters."""

    def __init__(self, disk, directory, firmware="bios", name="machine",
                 acceleration=("tcg", "qemu64"), second=None, is_second_writable=False):
        self.second, self.is_second_writable = second, is_second_writable
        self.disk, self.directory, self.firmware, self.name = disk, directory, firmware, name
        self.acceleration, self.processor = acceleration
        self._screen, self._selected = Screen(), 0
        self.phases = []
        self.process = None
        # The name of the encrypted volume with the root, and its passphrase.
        self.encrypted = None
        self.log_path = os.path.join(directory, f"{name}.log")
        self.log = open(self.log_path, "ab", buffering=0)

    # --- its life

    def start(self, saved=None):
        """Turns it on; with `saved`, where it was when that was saved."""
        serial, monitor = self._path("serial"), self._path("monitor")
        for path in (serial, monitor):
            if os.path.exists(path):
                os.unlink(path)
        # One processor: of several that are emulated, one now and then runs into code that another is patching, and the
        # kernel panics with "Oops: int3".
        command = [
            "qemu-system-x86_64", "-machine", "q35,smm=on" if self.firmware == "secure" else "q35", "-accel", self.acceleration, "-cpu", self.processor,
            "-smp", "1", "-m", "1024", "-display", "none", "-rtc", "base=utc", "-device", "virtio-rng-pci",
            "-chardev", f"socket,id=serial,path={serial},server=on,wait=on", "-serial", "chardev:serial",
            "-monitor", f"unix:{monitor},server=on,wait=off", "-nic", "user,model=virtio-net-pci",
            "-drive", f"file={self.disk},format=qcow2,if=virtio,cache=writeback,discard=unmap",
        ]
        if self.second:
            may = "off" if self.is_second_writable else "on"
            command += ["-drive", f"file={self.second},format=raw,if=virtio,readonly={may}"]
        if self.firmware in ("efi", "secure"):
            command += self._efi()
        if saved:
            command += ["-loadvm", saved]
        self.began = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.socket = self._connect(serial)
        self.line = fdpexpect.fdspawn(self.socket.fileno(), timeout=PATIENCE)
        self.line.logfile_read, self.line.delaybeforesend = self.log, None
        return self

    def stop(self):
        """Pulls the plug, if it is on."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.socket.close()
            self.process = None

    def power_off(self):
        self.line.send(b"systemctl poweroff\r")
        # Somebody has to read what it says, or it waits with the rest.
        self.expect(pexpect.EOF)
        self.process.wait(PATIENCE)
        self._phase("powered off")
        self.stop()

    def reboot(self):
        """Restarts it; what comes next is the firmware."""
        self.began = time.monotonic()
        self.line.send(b"systemctl reboot\r")
        self.expect(rb"reboot: Restarting system|Rebooting\.")

    def save(self, name):
        self.monitor(f"savevm {name}")

    def monitor(self, command):
        """Says something to QEMU, and gives what it answers."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self._path("monitor"))
            answer = fdpexpect.fdspawn(connection.fileno(), timeout=PATIENCE)
            answer.expect_exact(b"(qemu) ")
            answer.send(command.encode() + b"\n")
            answer.expect_exact(b"(qemu) ")
            return answer.before.decode(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self.log.close()

    # --- the boot menu

    def menu(self):
        """Waits for GRUB's menu and gives its entries, top to bottom."""
        self.expect(rb"GNU GRUB")
        self._phase("menu")
        return self._entries()

    def choose(self, *titles):
        """Starts the entry whose title has the last of `titles` in it, through submenus with the others."""
        entries = self.menu()
        for depth, title in enumerate(titles):
            found = [index for index, entry in enumerate(entries) if title in entry]
            assert found, f"no entry has {title!r}: {entries}"
            self._select(found[0])
            self.line.send(b"\r")
            if depth + 1 < len(titles):
                self.expect(rb"GNU GRUB")
                entries = self._entries()

    def _entries(self):
        """Reads the screen until there are entries on it. A key stops the countdown; it moves nothing at the top."""
        text = self.line.before if isinstance(self.line.before, bytes) else b""
        # What has come behind it is read already; from here on nothing is.
        text = text[-200:] + self.line.after + self.line.buffer
        self.line.buffer = b""
        self._screen = Screen()
        self.line.send(KEY_UP)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            entries = self._look(text)
            if entries:
                return entries
            text = b""
        raise AssertionError(f"{self.name} shows no menu:\n{self.tail()}")

    def _select(self, wanted):
        """Moves to an entry, and sees that each key has arrived."""
        deadline = time.monotonic() + PATIENCE
        while self._selected != wanted:
            assert time.monotonic() < deadline, f"{self.name} does not move to entry {wanted}:\n{self.tail()}"
            self.line.send(KEY_DOWN if self._selected < wanted else KEY_UP)
            self._look()

    def _look(self, text=b""):
        """Draws what comes until nothing does, and gives the entries of the menu."""
        quiet = 0
        while quiet < 3:
            try:
                came = self.line.read_nonblocking(4096, timeout=0.5)
            except pexpect.TIMEOUT:
                quiet += 1
                continue
            quiet = 0
            text += came
            if b"automatically in" in came:
                self.line.send(KEY_UP)
        self._screen.draw(text.decode("utf-8", errors="codepage437"))
        entries, self._selected = self._screen.menu()
        return entries

    def boot(self, *titles, user="root", password="root"):
        """From the menu to a shell: the default entry, or a chosen one."""
        if titles:
            self.choose(*titles)
        else:
            self.expect(rb"GNU GRUB")
            self._phase("menu")
            self.expect(rb"Press enter to boot")
            self.line.send(b"\r")
        return self.login(user, password)

    # --- the system

    def login(self, user="root", password="root", patience=PATIENCE):
        """Waits for the prompt and logs in; the kernel's messages stay out of the way from then on."""
        if self.encrypted:
            name, passphrase = self.encrypted
            self.expect(f"Please unlock disk {name}".encode(), patience=patience)
            self.line.send(passphrase.encode() + b"\r")
        self.expect(rb"login: ", patience=patience)
        self._phase("login")
        self.line.send(user.encode() + b"\r")
        self.expect(rb"Pass(?:word|wort): ")
        self.line.send(password.encode() + b"\r")
        assert self.expect(rb"[#$] (?:\x1b\[\?2004h)?$", rb"Login incorrect") == 0, f"{user} cannot log in"
        quiet = "stty -echo cols 500; export TERM=dumb PS1= PS2= PROMPT_COMMAND= PAGER=cat SYSTEMD_PAGER=cat"
        self.line.send(
            f"{quiet}; bind 'set enable-bracketed-paste off' 2>/dev/null; dmesg -n 1; echo RE''ADY\r".encode())
        self.expect(rb"READY\r*\n")
        self._phase("shell")
        return self

    def run(self, command, patience=PATIENCE):
        """Runs a command of the shell there: its exit status, and what it said."""
        mark = os.urandom(4).hex()
        text = f"{{ {command}\n}} 2>&1 </dev/null; echo E''ND{mark}:$?:\n"
        self.line.send(text.replace("\n", "\r").encode())
        self.line.expect(f"END{mark}:(\\d+):".encode(), timeout=patience)
        said = ESCAPES.sub("", self.line.before.decode(errors="replace")).replace("\r", "").strip("\n")
        return int(self.line.match.group(1)), said

    def succeed(self, command, patience=PATIENCE):
        """Runs a command that has to succeed, and gives what it said."""
        status, said = self.run(command, patience)
        assert status == 0, f"`{command}` exited with {status}:\n{said}"
        return said

    def fail(self, command):
        """Runs a command that has to fail, and gives what it said."""
        status, said = self.run(command)
        assert status != 0, f"`{command}` succeeded:\n{said}"
        return said

    def wait_until_good(self):
        """Waits until the deployment has proven itself."""
        said = self.succeed(
            "for i in $(seq 120); do ast status | grep -q '^Booted:.*good' && break; sleep 1; done; ast status")
        assert ", good" in said, f"not marked good:\n{said}\n{self.run('systemctl --failed; journalctl -b -u ast*')[1]}"
        self._phase("good")

    def wait(self, seconds):
        """Lets time go by there, and listens: a line that nobody reads holds up what writes to it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self.line.read_nonblocking(4096, timeout=max(0.01, end - time.monotonic()))
            except pexpect.TIMEOUT:
                pass

    def expect(self, *patterns, patience=PATIENCE):
        """Waits for one of the patterns on the line, and gives its number."""
        try:
            return self.line.expect(list(patterns), timeout=patience)
        except (pexpect.TIMEOUT, pexpect.EOF) as error:
            raise AssertionError(f"{self.name} said none of {patterns} ({type(error).__name__}); it ended with:\n"
                                 + self.tail()) from None

    def tail(self, size=1500):
        with open(self.log_path, "rb") as log:
            log.seek(max(0, os.path.getsize(self.log_path) - size))
            return ESCAPES.sub("", log.read().decode(errors="replace")).replace("\r", "")

    # --- inside

    def _phase(self, name):
        self.phases.append((name, time.monotonic() - self.began))

    def _path(self, name):
        return os.path.join(self.directory, f"{self.name}.{name}")

    def _connect(self, path):
        connection = socket.socket(socket.AF_UNIX)
        while True:
            try:
                connection.connect(path)
                return connection
            except OSError:
                assert self.process.poll() is None, f"QEMU does not start:\n{self.tail()}"
                time.sleep(0.05)

    def _efi(self):
        """The firmware; a secure one has Microsoft's keys, and starts only what is signed with them."""
        variables, keys = self._path("variables"), ".ms" if self.firmware == "secure" else ""
        if not os.path.exists(variables):
            shutil.copy(f"/usr/share/OVMF/OVMF_VARS_4M{keys}.fd", variables)
        protected = ["-global", "driver=cfi.pflash01,property=secure,value=on"] if keys else []
        return protected + [
            "-drive", f"if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M{keys}.fd",
            "-drive", f"if=pflash,format=raw,unit=1,file={variables}",
        ]
