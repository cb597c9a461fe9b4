#define _GNU_SOURCE
#include "CFiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
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

long cfiles_read_names(int directory, void *entries, size_t size) {
  ssize_t count = getdents64(directory, entries, size);
  return count < 0 ? -errno : count;
}

int cfiles_rename_new(int directory, const char *name, int new_directory, const char *new_name) {
  return renameat2(directory, name, new_directory, new_name, RENAME_NOREPLACE) < 0 ? -errno : 0;
}

int cfiles_open_in_memory(void) {
  int file = memfd_create("ast", MFD_CLOEXEC);
  return file < 0 ? -errno : file;
}

int cfiles_open_process(int pid) {
  // glibc has wrappers since 2.36 only.
  int process = (int)syscall(SYS_pidfd_open, pid, 0);
  return process < 0 ? -errno : process;
}

int cfiles_signal_process(int process, int signal) {
  return syscall(SYS_pidfd_send_signal, process, signal, NULL, 0) < 0 ? -errno : 0;
}

int cfiles_exchange(int directory, const char *name, int other_directory, const char *other) {
  return renameat2(directory, name, other_directory, other, RENAME_EXCHANGE) < 0 ? -errno : 0;
}

// The attributes of chattr(1) that btrfs keeps for a file. The others follow from its contents.
static const unsigned copied_flags = FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL | FS_SYNC_FL |
                                     FS_DIRSYNC_FL | FS_COMPR_FL | FS_NOCOMP_FL | FS_NOCOW_FL;

// Those of them that say how contents are stored.
static const unsigned stored_flags = FS_COMPR_FL | FS_NOCOMP_FL | FS_NOCOW_FL;

_Static_assert(CFILES_ENTRY_LENGTH == offsetof(struct dirent64, d_reclen), "getdents64(2)");
_Static_assert(CFILES_ENTRY_NAME == offsetof(struct dirent64, d_name), "getdents64(2)");
_Static_assert(CFILES_PROTECTED == (FS_IMMUTABLE_FL | FS_APPEND_FL), "linux/fs.h");
_Static_assert(CFILES_PROTECTED == (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND), "linux/stat.h");
_Static_assert(CFILES_NOT_COPIED_ON_WRITE == FS_NOCOW_FL, "linux/fs.h");

int cfiles_protection(int directory, const char *name) {
  struct statx status;
  if (statx(directory, name, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, 0, &status) < 0) return -errno;
  return (int)(status.stx_attributes & CFILES_PROTECTED);
}

static struct timespec time_of(struct statx_timestamp time) {
  return (struct timespec){.tv_sec = time.tv_sec, .tv_nsec = time.tv_nsec};
}

int cfiles_status(int directory, const char *name, struct stat *status, uint32_t *protection) {
  struct statx found;
  if (statx(directory, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &found) < 0) return -errno;
  *status = (struct stat){
      .st_dev = makedev(found.stx_dev_major, found.stx_dev_minor),
      .st_ino = found.stx_ino,
      .st_mode = found.stx_mode,
      .st_nlink = found.stx_nlink,
      .st_uid = found.stx_uid,
      .st_gid = found.stx_gid,
      .st_rdev = makedev(found.stx_rdev_major, found.stx_rdev_minor),
      .st_size = (off_t)found.stx_size,
      .st_blksize = (blksize_t)found.stx_blksize,
      .st_blocks = (blkcnt_t)found.stx_blocks,
      .st_atim = time_of(found.stx_atime),
      .st_mtim = time_of(found.stx_mtime),
      .st_ctim = time_of(found.stx_ctime),
  };
  *protection = found.stx_attributes & CFILES_PROTECTED;
  return 0;
}

static int open_for_flags(int directory, const char *name) {
  return openat(directory, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOATIME);
}

int cfiles_read_flags_of(int file, uint32_t *flags) {
  unsigned value = 0;
  // Other file systems have none.
  if (ioctl(file, FS_IOC_GETFLAGS, &value) < 0 && errno != ENOTTY && errno != EOPNOTSUPP) return -errno;
  *flags = value & copied_flags;
  return 0;
}

int cfiles_read_flags(int directory, const char *name, uint32_t *flags) {
  int file = open_for_flags(directory, name);
  if (file < 0) return -errno;
  int result = cfiles_read_flags_of(file, flags);
  close(file);
  return result;
}

int cfiles_write_flags(int directory, const char *name, uint32_t flags) {
  int file = open_for_flags(directory, name);
  if (file < 0) return -errno;
  unsigned value = 0;
  int result = ioctl(file, FS_IOC_GETFLAGS, &value);
  value = (value & ~copied_flags) | flags;
  if (result == 0) result = ioctl(file, FS_IOC_SETFLAGS, &value);
  if (result < 0 && errno == EOPNOTSUPP) {
    // Other file systems than btrfs do not know these.
    value &= ~stored_flags;
    result = ioctl(file, FS_IOC_SETFLAGS, &value);
  } else if (result < 0 && errno == ENOTTY && (flags & ~stored_flags) == 0) {
    result = 0;
  }
  result = result < 0 ? -errno : 0;
  close(file);
  return result;
}

_Static_assert(CFILES_BTRFS == BTRFS_SUPER_MAGIC && CFILES_FAT == MSDOS_SUPER_MAGIC, "linux/magic.h");

long long cfiles_file_system(const char *path) {
  struct statfs status;
  return statfs(path, &status) < 0 ? -errno : (long long)status.f_type;
}

int cfiles_first_block(int file, int *block) {
  *block = 0;
  return ioctl(file, FIBMAP, block) < 0 ? -errno : 0;
}

int cfiles_mount(const char *device, const char *type, int read_only) {
  int context = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
  if (context < 0) return -errno;
  int mount = -1;
  if (syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "source", device, 0) == 0 &&
      (!read_only || syscall(SYS_fsconfig, context, FSCONFIG_SET_FLAG, "ro", NULL, 0) == 0) &&
      syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0) {
    mount = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  }
  int result = mount < 0 ? -errno : mount;
  close(context);
  return result;
}
