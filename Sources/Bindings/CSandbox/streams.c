// The standard streams of the program are the caller's files and terminals, and it may do nothing with them but read and
// write.
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/// Opens a file or device again, through a read-only mount of nothing else: with the caller's descriptor, the program
/// could change its mode and owner, and write to a file that was opened for reading, by its name in /proc/self/fd. A
/// terminal still reads, writes and has its modes.
static int open_again(int file, int flags, const struct stat *status) {
  int mount = open_tree(file, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (mount < 0) return -1;
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", mount);
  int opened = -1;
  if (mount_set(mount, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0) == 0)
    // A FIFO would wait for the other end, which the caller's descriptor has had already.
    opened = open(path, (flags & O_ACCMODE) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (opened >= 0 && !(flags & O_NONBLOCK)) (void)fcntl(opened, F_SETFL, fcntl(opened, F_GETFL) & ~O_NONBLOCK);
  // From now on, the name in /proc does not open a disk again.
  if (opened >= 0 && S_ISBLK(status->st_mode) && mount_set(mount, MOUNT_ATTR_NODEV, 0) != 0) {
    close(opened);
    opened = -1;
  }
  close(mount);
  return opened;
}

/// A pipe without a name is nobody's but the caller's. What belongs to another mount namespace than ours cannot be mounted, and stays as it
/// is. To a file or a disk, output goes through a pipe (Host/OutputRelay).
static int stream(int given, int number) {
  struct stat status;
  int flags = fcntl(given, F_GETFL);
  if (flags < 0 || fstat(given, &status) != 0) return given;
  bool is_file = S_ISREG(status.st_mode) || S_ISBLK(status.st_mode);
  if (is_file ? number != 0 : !S_ISCHR(status.st_mode) && !S_ISFIFO(status.st_mode)) return given;
  if (is_file) flags = (flags & ~O_ACCMODE) | O_RDONLY;
  int opened = open_again(given, flags, &status);
  if (opened < 0) return given;
  off_t offset = is_file ? lseek(given, 0, SEEK_CUR) : 0;
  if (offset > 0) (void)lseek(opened, offset, SEEK_SET);
  return opened;
}

/// Called in the caller's mount namespace, the one that its files belong to.
void sandbox_open_streams(struct sandbox *sandbox) {
  for (int number = 0; number < 3; number++) {
    int given = sandbox->plan->streams[number];
    sandbox->streams[number] = stream(given, number);
  }
}

/// `input_offset` is how far the program has read, or -1. What it left is for the caller's next program.
void sandbox_pass_on_input(const struct sandbox *sandbox, off_t input_offset) {
  int given = sandbox->plan->streams[0];
  if (input_offset >= 0 && sandbox->streams[0] != given) (void)lseek(given, input_offset, SEEK_SET);
}

void sandbox_close_streams(struct sandbox *sandbox) {
  for (int number = 0; number < 3; number++)
    if (sandbox->streams[number] != sandbox->plan->streams[number]) close(sandbox->streams[number]);
}
