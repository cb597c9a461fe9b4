#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

int sandbox_unshare_mounts(void) {
  if (unshare(CLONE_NEWNS) != 0) return -1;
  return mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
}

static int write_map(const char *file, const char *text) {
  int map = open(file, O_WRONLY | O_CLOEXEC);
  if (map < 0) return -1;
  ssize_t written = write(map, text, strlen(text));
  int error = errno;
  close(map);
  errno = error;
  return written < 0 ? -1 : 0;
}

int sandbox_unshare_user_mounts(void) {
  char user[32], group[32];
  snprintf(user, sizeof user, "%u %u 1", geteuid(), geteuid());
  snprintf(group, sizeof group, "%u %u 1", getegid(), getegid());
  // user_namespaces(7): without privileges outside, a map is of one number, and of a group only without setgroups(2).
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return -1;
  if (write_map("/proc/self/setgroups", "deny") != 0 || write_map("/proc/self/uid_map", user) != 0) return -1;
  return write_map("/proc/self/gid_map", group);
}

int sandbox_set_writable(const char *path) {
  struct mount_attr attr = {.attr_clr = MOUNT_ATTR_RDONLY};
  return mount_setattr(AT_FDCWD, path, 0, &attr, sizeof attr);
}
