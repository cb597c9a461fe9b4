#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/// policy-rc.d(8), "action forbidden by policy": invoke-rc.d(8) and deb-systemd-invoke(1p) start nothing.
static const char policy_script[] = "#!/bin/sh\nexit 101\n";
static const char policy_path[] = "/run/ast/policy-rc.d";

static uint64_t attributes(const struct sandbox_bind *bind) {
  return MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (bind->read_only ? MOUNT_ATTR_RDONLY : 0);
}

/// Called before pivot_root(2). A missing source is the caller's mistake.
void sandbox_open_binds(const struct sandbox *sandbox) {
  for (size_t i = 0; i < sandbox->plan->bind_count; i++) {
    const struct sandbox_bind *bind = &sandbox->plan->binds[i];
    sandbox->bind_mounts[i] = -1;
    if (!bind->source) continue;
    sandbox->bind_mounts[i] = mount_clone(bind->source, attributes(bind));
    if (sandbox->bind_mounts[i] < 0) sandbox_fail(sandbox, SANDBOX_STEP_SOURCE, bind->source);
  }
}

static int write_policy(const struct sandbox *sandbox) {
  int file = open(policy_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
  if (file < 0 || write(file, policy_script, sizeof policy_script - 1) != sizeof policy_script - 1)
    sandbox_fail(sandbox, SANDBOX_STEP_FILE, policy_path);
  close(file);
  return mount_clone(policy_path, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY);
}

static int attach(const struct sandbox *sandbox, const struct sandbox_bind *bind, int mount) {
  struct stat source;
  if (fstat(mount, &source) != 0) return -1;
  int target = sandbox_mount_point(sandbox, bind->target, S_ISDIR(source.st_mode));
  if (target < 0) return -1;
  int status = mount_attach(mount, target);
  int error = errno;
  close(target);
  errno = error;
  return status;
}

/// Called after pivot_root(2). A bind that cannot be attached is reported and left out: a node without /etc can still
/// be repaired.
void sandbox_attach_binds(const struct sandbox *sandbox) {
  for (size_t i = 0; i < sandbox->plan->bind_count; i++) {
    const struct sandbox_bind *bind = &sandbox->plan->binds[i];
    int mount = bind->source ? sandbox->bind_mounts[i] : write_policy(sandbox);
    if (mount < 0) sandbox_fail(sandbox, SANDBOX_STEP_MOUNT, bind->target);
    if (attach(sandbox, bind, mount) != 0) {
      struct message skipped = {.kind = MESSAGE_SKIPPED, .step = (int32_t)i, .value = errno};
      sandbox_tell(sandbox, &skipped, bind->target);
    }
    close(mount);
    // Programs inside must not find the script where it is writable. Once attached it needs no name.
    if (!bind->source) (void)unlink(policy_path);
  }
}
