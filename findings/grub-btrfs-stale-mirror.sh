#!/bin/sh
# GRUB reads a disk of a btrfs RAID1 that has missed writes, as if it were up to date.
#
# Versions:  grub-common 2.12-9+deb13u4 (trixie) and 2.14-4 (testing, December 2026), the file system by Linux 6.18.
# Seen:      A RAID1 is written to while one disk is away (mount option degraded), and the disk is put back. The kernel
#            notices by the generation of each block that the disk is behind, and reads from the other one. GRUB does
#            not look at the generation: which content it finds depends on the order of the disks alone,
#                new disk first: second, /new is there
#                old disk first: first, /new is not there
#            and no error is printed. A machine may so start what was in the boot menu when the disk was taken away.
# What to do: Do not put the disk back as it is. Wipe it (wipefs(8)) on another machine, then `btrfs replace`.
#
# Usage: findings/grub-btrfs-stale-mirror.sh   as root, with mmdebstrap, btrfs-progs and a network; the sources are
#        those that mmdebstrap takes. Exit status: 0 it is still so, 1 it has changed.
set -eu
work=$(mktemp -d /var/tmp/finding-XXXXXX)
one='' two=''
clean() {
    mountpoint -q "$work/mount" && umount "$work/mount"
    for loop in $one $two; do losetup --detach "$loop"; done
    rm -rf --one-file-system "$work"
}
trap clean EXIT
trap 'exit 130' INT TERM HUP
apt-config dump --format '%f "%v";%n' Acquire::Check-Valid-Until Acquire::Check-Date >"$work/dates"

mkdir "$work/mount"
truncate --size 600M "$work/one" "$work/two"
one=$(losetup --find --show "$work/one")
two=$(losetup --find --show "$work/two")
mkfs.btrfs --quiet --data raid1 --metadata raid1 "$one" "$two"
mount -o "device=$two" "$one" "$work/mount"
echo first >"$work/mount/word"
umount "$work/mount"
# The second disk is away.
losetup --detach "$two" && two=''
btrfs device scan --forget
mount -o degraded "$one" "$work/mount"
echo second >"$work/mount/word"
echo >"$work/mount/new"
umount "$work/mount"
btrfs device scan --forget
losetup --detach "$one" && one=''

look() {
    for disks in '/one /two' '/two /one'; do
        # shellcheck disable=SC2086 # These are two words.
        word=$(chroot "$root" grub-fstest --diskcount=2 --root=loop0 $disks cat /word)
        # shellcheck disable=SC2086
        files=$(chroot "$root" grub-fstest --diskcount=2 --root=loop0 $disks ls /)
        case $files in *new*) new=yes ;; *) new=no ;; esac
        echo "$1, $disks: $word, the new file: $new"
    done
}

for suite in trixie forky; do
    root=$work/$suite
    mmdebstrap --quiet --variant=apt --aptopt="$work/dates" --include=grub-common "$suite" "$root" </dev/null
    cp --sparse=always "$work/one" "$work/two" "$root"
    chroot "$root" dpkg-query --show grub-common
    look "$suite" >>"$work/found"
    rm -rf --one-file-system "$root"
done
cat "$work/found"
[ "$(cat "$work/found")" = 'trixie, /one /two: second, the new file: yes
trixie, /two /one: first, the new file: no
forky, /one /two: second, the new file: yes
forky, /two /one: first, the new file: no' ]
