#!/bin/sh
# The signed GRUB of Debian 14 lacks a module that every grub.cfg of the same version loads.
#
# Versions:  grub-efi-amd64-signed 1+2.14-4 and grub-common 2.14-4 (testing, December 2026); Debian 13 has 1+2.12+9+deb13u4
#            and 2.12-9+deb13u4.
# Seen:      In Debian 13, the signed image has the module all_video in itself, and 00_header of grub-common writes
#            `insmod all_video` into grub.cfg. In testing, 00_header still writes it, and the image does not have the
#            module. Under Secure Boot an image loads no module from a file, so the menu says, on each console,
#                error: prohibited by secure boot policy.
#            and goes on.
# What to do: Have grub.cfg load it only if its file is there: `[ -e $prefix/x86_64-efi/all_video.mod ]`.
#
# Usage: findings/grub-signed-all-video.sh     as root, with mmdebstrap and a network; the sources are those that
#        mmdebstrap takes. Exit status: 0 it is still so, 1 it has changed.
set -eu
work=$(mktemp -d /var/tmp/finding-XXXXXX)
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM HUP
# The host's own limits for the dates of an archive.
apt-config dump --format '%f "%v";%n' Acquire::Check-Valid-Until Acquire::Check-Date >"$work/dates"

# Prints whether the signed image has the module, and whether grub.cfg gets the line.
look() {
    mmdebstrap --quiet --variant=extract --aptopt="$work/dates" --include=grub-efi-amd64-signed,grub-common \
        "$1" "$work/$1" </dev/null
    has=no writes=no
    # A module in the image has its name in a section of its own.
    image=$work/$1/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed
    tr '\0' '\n' <"$image" | grep -aqx normal
    if tr '\0' '\n' <"$image" | grep -aqx all_video; then has=yes; fi
    if grep -q 'insmod all_video' "$work/$1/etc/grub.d/00_header"; then writes=yes; fi
    echo "$1: in the image: $has, in grub.cfg: $writes"
}

look trixie >"$work/found"
look forky >>"$work/found"
cat "$work/found"
[ "$(cat "$work/found")" = 'trixie: in the image: yes, in grub.cfg: yes
forky: in the image: no, in grub.cfg: yes' ]
