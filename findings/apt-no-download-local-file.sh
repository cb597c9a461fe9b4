#!/bin/sh
# apt-get simulates the installation of a package file with --no-download, and then does not carry it out.
#
# Versions:  Debian 13: apt 3.0.4; the same was seen with apt 2.6.1 (Debian 12) and that of testing in December 2026.
# Seen:      The package needs nothing, and its file is on the machine. `apt-get --no-download --simulate install
#            /plain.deb` prints "Inst plain" and exits with 0. Without --simulate it prints the same plan, and then
#                E: Internal Error, Pathname to install is not absolute 'plain_1_all.deb'
#            and exits with 100; the package is not installed. apt counts the copy of a local file as a download.
# What to do: Leave --no-download out: without a network, apt-get installs the file, and fails only if something else is
#            missing.
#
# Usage: findings/apt-no-download-local-file.sh     as root, with mmdebstrap, dpkg-deb and a network; the sources are
#        those that mmdebstrap takes. Exit status: 0 it is still so, 1 it has changed.
set -eu
work=$(mktemp -d /var/tmp/finding-XXXXXX)
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM HUP
root=$work/root
# The host's own limits for the dates of an archive.
apt-config dump --format '%f "%v";%n' Acquire::Check-Valid-Until Acquire::Check-Date >"$work/dates"
mmdebstrap --quiet --variant=apt --aptopt="$work/dates" trixie "$root" </dev/null
mkdir -p "$work/plain/DEBIAN"
printf 'Package: plain\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: empty\n' \
    >"$work/plain/DEBIAN/control"
dpkg-deb --build "$work/plain" "$root/plain.deb" >/dev/null
chroot "$root" apt-get --version | head -n 1
simulated=0
chroot "$root" apt-get --no-download --simulate install /plain.deb >"$work/plan" || simulated=$?
grep '^Inst plain ' "$work/plan"
done=0
chroot "$root" apt-get --yes --no-download install /plain.deb >"$work/said" 2>&1 || done=$?
grep 'Internal Error' "$work/said" || :
echo "simulated: $simulated, carried out: $done"
[ "$simulated" = 0 ] && [ "$done" = 100 ] && grep -q 'not absolute .*plain_1_all.deb' "$work/said" &&
    ! chroot "$root" dpkg --status plain >/dev/null 2>&1 &&
    chroot "$root" apt-get --yes install /plain.deb >/dev/null 2>&1
