#!/bin/sh
# The cloud-init of Debian 13 conflicts with firewalld, so the upgrade from Debian 12 removes firewalld.
#
# Versions:  Debian 12: cloud-init 22.4.2-1+deb12u4, firewalld 1.3.3-1~deb12u2; Debian 13: cloud-init 25.1.4-1+deb13u1.
# Seen:      In Debian 12 both can be installed. With the sources of Debian 13, apt-get -s full-upgrade prints
#                Remv firewalld [1.3.3-1~deb12u2] ...
#            and no line "Inst firewalld", though Debian 13 has firewalld 2.3.1-1+deb13u1. The reason is a field of the
#            new cloud-init: "Conflicts: cloud-init-22.4.2, firewalld". Nothing but this line in the plan says that the
#            machine will have no firewall.
# What to do: After the upgrade, remove cloud-init and install firewalld.
#
# Usage: findings/cloud-init-firewalld.sh     as root, with mmdebstrap and a network; the sources are those that
#        mmdebstrap takes. Exit status: 0 it is still so, 1 it has changed.
set -eu
work=$(mktemp -d /var/tmp/finding-XXXXXX)
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM HUP
root=$work/root
# The host's own limits for the dates of an archive.
apt-config dump --format '%f "%v";%n' Acquire::Check-Valid-Until Acquire::Check-Date >"$work/dates"
mmdebstrap --quiet --variant=apt --aptopt="$work/dates" --include=cloud-init=22.4.2-1+deb12u4,firewalld=1.3.3-1~deb12u2 \
    bookworm "$root" </dev/null
sed -i s/bookworm/trixie/g "$root/etc/apt/sources.list"
cp /etc/resolv.conf "$root/etc/"
chroot "$root" apt-get -qq update
chroot "$root" apt-get -s full-upgrade >"$work/plan"
grep -E '^(Remv|Inst) (firewalld|cloud-init) ' "$work/plan" || :
chroot "$root" apt-cache show cloud-init=25.1.4-1+deb13u1 | grep '^Conflicts:'
grep -q '^Remv firewalld \[1\.3\.3-1~deb12u2\]' "$work/plan" && ! grep -q '^Inst firewalld ' "$work/plan"
