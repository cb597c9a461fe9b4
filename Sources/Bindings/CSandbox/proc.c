#include "internal.h"

#include <errno.h>
#include <sys/mount.h>
#include <unistd.h>

/// Parts of /proc through which root reaches the whole machine with nothing but file permissions.
static const char *const read_only[] = {
    "/proc/sys",     "/proc/sysrq-trigger", "/proc/irq",    "/proc/bus",             "/proc/fs",   "/proc/acpi",
    "/proc/scsi",    "/proc/asound",        "/proc/driver", "/proc/dynamic_debug",   "/proc/mtrr",
};

/// Memory, keys, timers and the log of the host, hidden as container runtimes do.
static const char *const hidden[] = {
    "/proc/kcore",      "/proc/keys",        "/proc/key-users",     "/proc/timer_list", "/proc/timer_stats",
    "/proc/kmsg",       "/proc/sched_debug", "/proc/latency_stats", "/proc/kpagecgroup", "/proc/kpagecount",
    "/proc/kpageflags",
};

void sandbox_mount_proc(const struct sandbox *sandbox) {
  int target = sandbox_directory(sandbox, "/proc", false);
  int mount = mount_new("proc", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  if (mount < 0 || mount_attach(mount, target) != 0) sandbox_fail(sandbox, SANDBOX_STEP_MOUNT, "/proc");
  close(mount);
  close(target);
}

static void cover(const struct sandbox *sandbox, const char *path, const char *with, uint64_t attributes) {
  if (access(path, F_OK) != 0) return;  // not every kernel has every file
  if (mount_attach_at(mount_clone(with, attributes), path) != 0) sandbox_fail(sandbox, SANDBOX_STEP_MOUNT, path);
}

void sandbox_protect_proc(const struct sandbox *sandbox) {
  for (size_t i = 0; i < sizeof read_only / sizeof *read_only; i++)
    cover(sandbox, read_only[i], read_only[i], MOUNT_ATTR_RDONLY);
  for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) cover(sandbox, hidden[i], "/dev/null", MOUNT_ATTR_RDONLY);
}
