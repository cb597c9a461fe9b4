// Finds or makes the mount points inside the root. Runs after pivot_root(2), so whatever symbolic links the root
// contains, they lead to places inside it.
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int sandbox_open_in_root(int root, const char *path, int flags) {
  struct open_how how = {.flags = (uint64_t)(unsigned)flags | O_CLOEXEC,
                         .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  int file;
  // EAGAIN: something was renamed or mounted anywhere on the machine while ".." was followed (openat2(2)).
  do file = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
  while (file < 0 && errno == EAGAIN);
  return file;
}

static struct timespec modification_time(int directory) {
  struct stat status = {0};
  (void)fstat(directory, &status);
  return status.st_mtim;
}

/// Makes one missing file or directory and tells the attendant, who removes it after the run.
static int make(const struct sandbox *sandbox, const char *path, bool is_directory) {
  char parent[PATH_MAX];
  const char *slash = strrchr(path, '/');
  if (snprintf(parent, sizeof parent, "%.*s", (int)(slash - path) + 1, path) >= (int)sizeof parent) {
    errno = ENAMETOOLONG;
    return -1;
  }
  int directory = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return -1;
  struct message message = {.kind = MESSAGE_CREATED, .parent_before = modification_time(directory)};
  int made = -1;
  if (is_directory) {
    made = mkdirat(directory, slash + 1, 0755);
  } else {
    int file = openat(directory, slash + 1, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file >= 0) made = close(file);
  }
  if (made == 0) {
    message.parent_after = modification_time(directory);
    sandbox_tell(sandbox, &message, path);
  }
  int error = errno;
  close(directory);
  errno = error;
  return made;
}

static int make_with_parents(const struct sandbox *sandbox, const char *path, bool is_directory) {
  char parent[PATH_MAX];
  for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    if (snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path) >= (int)sizeof parent) {
      errno = ENAMETOOLONG;
      return -1;
    }
    struct stat status;
    if (lstat(parent, &status) != 0 && make(sandbox, parent, true) != 0) return -1;
  }
  return make(sandbox, path, is_directory);
}

/// Reads the link at `path` into `behind` as an absolute path without "." and "..". This is done on the text alone, so it
/// may name the wrong file when a directory on the way is a link as well; the caller opens `path` again to find out.
static int read_link(const char *path, char behind[PATH_MAX]) {
  char target[PATH_MAX], joined[2 * PATH_MAX];
  ssize_t length = readlink(path, target, sizeof target - 1);
  if (length < 0) return -1;
  target[length] = 0;
  int directory = target[0] == '/' ? 0 : (int)(strrchr(path, '/') - path) + 1;
  snprintf(joined, sizeof joined, "%.*s%s", directory, path, target);
  size_t used = 0;
  char *rest = joined;
  for (char *part; (part = strsep(&rest, "/"));) {
    if (*part == 0 || strcmp(part, ".") == 0) continue;
    if (strcmp(part, "..") == 0) {
      while (used > 0 && behind[--used] != '/') {}
      continue;
    }
    size_t size = strlen(part);
    if (used + size + 2 > PATH_MAX) {
      errno = ENAMETOOLONG;
      return -1;
    }
    behind[used++] = '/';
    memcpy(behind + used, part, size);
    used += size;
  }
  behind[used] = 0;
  return 0;
}

/// A dangling link into /run, as systemd-resolved's /etc/resolv.conf, gets its file in the new and empty /run.
/// The meaning of another dangling link is unknown: ENOENT.
static int make_behind_link(const struct sandbox *sandbox, const char *path, bool is_directory) {
  char behind[PATH_MAX], next[PATH_MAX];
  if (read_link(path, behind) != 0) return -1;
  for (int depth = 0; depth < 8 && read_link(behind, next) == 0; depth++) memcpy(behind, next, sizeof next);
  if (strncmp(behind, "/run/", 5) == 0) return make_with_parents(sandbox, behind, is_directory);
  errno = ENOENT;
  return -1;
}

/// Opens a place for a bind, and makes it if it is missing. -1 and errno if that is impossible.
int sandbox_mount_point(const struct sandbox *sandbox, const char *path, bool is_directory) {
  if (*path != '/') {
    errno = EINVAL;
    return -1;
  }
  int flags = O_PATH | O_CLOEXEC | (is_directory ? O_DIRECTORY : 0);
  int target = open(path, flags);
  if (target < 0 && errno == ENOENT) {
    struct stat status;
    bool is_link = lstat(path, &status) == 0 && S_ISLNK(status.st_mode);
    int made = is_link ? make_behind_link(sandbox, path, is_directory) : make_with_parents(sandbox, path, is_directory);
    if (made != 0) return -1;
    target = open(path, flags);
  }
  struct stat status;
  if (target < 0 || is_directory || fstat(target, &status) != 0 || !S_ISDIR(status.st_mode)) return target;
  close(target);
  errno = EISDIR;
  return -1;
}

/// Opens a directory of the sandbox itself (/proc, /dev ...), and makes it if it is missing. It must not be reached
/// through a link: "/dev -> /" would put a file system over the root. ELOOP reports a link.
int sandbox_directory(const struct sandbox *sandbox, const char *path, bool may_be_link) {
  struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
  int directory = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
  if (directory < 0 && errno == ENOENT) {
    if (make(sandbox, path, true) != 0) sandbox_fail(sandbox, SANDBOX_STEP_MOUNT_POINT, path);
    directory = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
  }
  if (directory < 0 && !(may_be_link && errno == ELOOP)) sandbox_fail(sandbox, SANDBOX_STEP_MOUNT_POINT, path);
  return directory;
}
