#define _GNU_SOURCE
#include "CFiles.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int cfiles_open_without_mounts(int directory, const char *name) {
  // glibc has a wrapper since 2.36 only.
  int mount = (int)syscall(SYS_open_tree, directory, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
  if (mount < 0) return -errno;
  // The mount is open as with O_PATH, and lasts as long as a descriptor in it.
  int opened = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NOATIME);
  int result = opened < 0 ? -errno : opened;
  close(mount);
  return result;
}

int cfiles_rename_new(int directory, const char *name, int new_directory, const char *new_name) {
  return renameat2(directory, name, new_directory, new_name, RENAME_NOREPLACE) < 0 ? -errno : 0;
}

int cfiles_open_in_memory(void) {
  int file = memfd_create("ast", MFD_CLOEXEC);
  return file < 0 ? -errno : file;
}

int cfiles_exchange(const char *path, const char *other) {
  return renameat2(AT_FDCWD, path, AT_FDCWD, other, RENAME_EXCHANGE) < 0 ? -errno : 0;
}
