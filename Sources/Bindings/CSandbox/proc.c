#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/utsname.h>
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

/// Limits the process IDs of this namespace, where it has a limit of its own: from Linux 6.14 on (kernel/pid_namespace.c).
/// On an older kernel, the file is the machine's.
static void limit_process_ids(int count) {
  // After the last one, the kernel begins again behind these (kernel/pid.c).
  enum { RESERVED = 300 };
  struct utsname kernel;
  int major, minor;
  if (count == 0 || uname(&kernel) != 0 || sscanf(kernel.release, "%d.%d", &major, &minor) != 2) return;
  if (major < 6 || (major == 6 && minor < 14)) return;
  char text[16];
  int length = snprintf(text, sizeof text, "%d", count + RESERVED);
  int file = open("/proc/sys/kernel/pid_max", O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  (void)!write(file, text, (size_t)length);
  close(file);
}

void sandbox_mount_proc(const struct sandbox *sandbox) {
  int target = sandbox_directory(sandbox, "/proc", false);
  int mount = mount_new("proc", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  if (mount < 0 || mount_attach(mount, target) != 0) sandbox_fail(sandbox, SANDBOX_STEP_MOUNT, "/proc");
  close(mount);
  close(target);
  limit_process_ids(sandbox->plan->process_ids);
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
