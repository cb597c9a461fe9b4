#include "internal.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/// The capabilities that the program keeps; all others are dropped, also those that a later kernel adds. These are what
/// dpkg, apt, adduser, sudo and ping use and what acts only on the program's own files and processes. Not here, with
/// the reason if it is not obvious from capabilities(7):
///   SYS_ADMIN, SYS_PTRACE   leave the sandbox
///   DAC_READ_SEARCH         open_by_handle_at(2) reaches every subvolume of the file system the root is part of
///   SYS_RESOURCE            the administrator's limits and reserved blocks
///   SYS_NICE, IPC_LOCK      the machine's processors and memory, which others need as well
///   NET_ADMIN               the network may be the host's
///   SYSLOG, AUDIT_*, MAC_*  the host's log, audit and security policy
static const unsigned char kept[] = {
    CAP_CHOWN,          CAP_DAC_OVERRIDE,    CAP_FOWNER,   CAP_FSETID,
    CAP_KILL,           CAP_SETGID,          CAP_SETUID,   CAP_SETPCAP,
    CAP_SETFCAP,        CAP_LINUX_IMMUTABLE, CAP_NET_BIND_SERVICE,
    CAP_NET_BROADCAST,  CAP_IPC_OWNER,       CAP_SYS_CHROOT,
    CAP_MKNOD,  // tar and dpkg unpack nodes; on nodev mounts they are names without effect
    CAP_LEASE,
};

/// Raw frames go past the routes of a network of its own, where ping(8) works without (network.c).
static uint64_t kept_set(bool raw_network) {
  uint64_t set = raw_network ? UINT64_C(1) << CAP_NET_RAW : 0;
  for (size_t i = 0; i < sizeof kept; i++) set |= UINT64_C(1) << kept[i];
  return set;
}

/// Reduces the bounding set, so that no set-user-ID program gets more, and then the thread's own sets. 0, or -1 and errno.
int sandbox_drop_capabilities(bool raw_network) {
  uint64_t keep = kept_set(raw_network);
  for (unsigned long capability = 0; capability < 64; capability++) {
    if (keep >> capability & 1) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) break;  // beyond the last one the kernel knows
    return -1;
  }
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return -1;
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) != 0) return -1;
  for (int word = 0; word < 2; word++) {
    data[word].permitted &= (uint32_t)(keep >> 32 * word);
    data[word].effective = data[word].permitted;
    data[word].inheritable = 0;
  }
  return (int)syscall(SYS_capset, &header, data);
}
