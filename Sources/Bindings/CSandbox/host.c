#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

static int join_host(void) {
  int host = open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);
  return host < 0 ? -1 : setns(host, CLONE_NEWNS);
}

/// Attaches `mount` at `target` where the machine's first process lives, or detaches what is mounted there last. In a
/// process of its own: one with several threads cannot change its mount namespace (setns(2)).
static int in_host(int mount, const char *target) {
  pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) {
    int status = join_host();
    if (status == 0) status = mount >= 0 ? mount_attach_at(mount, target) : umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW);
    _exit(status == 0 ? 0 : errno);
  }
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return -1;
  errno = WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
  return errno == 0 ? 0 : -1;
}

int sandbox_show_on_host(const char *source, const char *target) {
  int mount = mount_clone(source, 0);
  if (mount < 0) return -1;
  // A store is mounted nosuid and nodev, /usr is not; and other processes must not write.
  struct mount_attr attr = {
    .attr_set = MOUNT_ATTR_RDONLY, .attr_clr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, .propagation = MS_PRIVATE};
  int status = mount_setattr(mount, "", AT_EMPTY_PATH, &attr, sizeof attr);
  if (status == 0) status = in_host(mount, target);
  int error = errno;
  close(mount);
  errno = error;
  return status;
}

int sandbox_hide_on_host(const char *target) { return in_host(-1, target); }
