#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
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
    // Reading leaves no trace, as in the root.
    if (sandbox->bind_mounts[i] < 0 || mount_set(sandbox->bind_mounts[i], MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME) != 0)
      sandbox_fail(sandbox, SANDBOX_STEP_SOURCE, bind->source);
  }
}

static int write_policy(const struct sandbox *sandbox) {
  int file = open(policy_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
  if (file < 0 || write(file, policy_script, sizeof policy_script - 1) != sizeof policy_script - 1)
    sandbox_fail(sandbox, SANDBOX_STEP_FILE, policy_path);
  close(file);
  return mount_clone(policy_path, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY);
}

/// Covers the directory of a place with an overlay in which the place is an empty file. For a place that is missing, or a
/// link to nowhere, in a root that cannot be changed, as a sealed generation. 0 or -1.
static int make_in_overlay(const char *path) {
  const char *name = strrchr(path, '/');
  // In the option, colons divide and backslashes quote.
  if (*path != '/' || name == path || strpbrk(path, ":\\,")) return -1;
  char below[PATH_MAX], above[PATH_MAX], file[2 * PATH_MAX], layers[2 * PATH_MAX];
  snprintf(below, sizeof below, "%.*s", (int)(name - path), path);
  snprintf(above, sizeof above, "/run/ast/above-%s", name + 1);
  snprintf(file, sizeof file, "%s%s", above, name);
  snprintf(layers, sizeof layers, "%s:%s", above, below);
  if (access(below, W_OK) == 0 || errno != EROFS || mkdir(above, 0755) != 0) return -1;
  int empty = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (empty < 0) return -1;
  close(empty);
  const struct option options[] = {{"lowerdir", layers}, {0}};
  int place = open(below, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int overlay = mount_new("overlay", options, MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY);
  int status = place < 0 || overlay < 0 ? -1 : mount_attach(overlay, place);
  if (overlay >= 0) close(overlay);
  if (place >= 0) close(place);
  return status;
}

/// Opens the place for a bind. -1 and errno if it cannot be made. The policy is not needed where nothing can be installed.
static int open_place(const struct sandbox *sandbox, const struct sandbox_bind *bind, bool is_directory) {
  int place = sandbox_mount_point(sandbox, bind->target, is_directory);
  if (place >= 0 || is_directory || !bind->source) return place;
  int error = errno;
  if (make_in_overlay(bind->target) == 0) return sandbox_mount_point(sandbox, bind->target, false);
  errno = error;
  return -1;
}

static int attach(const struct sandbox *sandbox, const struct sandbox_bind *bind, int mount) {
  struct stat source;
  if (fstat(mount, &source) != 0) return -1;
  int target = open_place(sandbox, bind, S_ISDIR(source.st_mode));
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
