#include "internal.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

int sandbox_unshare_mounts(void) {
  if (unshare(CLONE_NEWNS) != 0) return -1;
  return mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
}

int sandbox_set_writable(const char *path) {
  struct mount_attr attr = {.attr_clr = MOUNT_ATTR_RDONLY};
  return mount_setattr(AT_FDCWD, path, 0, &attr, sizeof attr);
}
