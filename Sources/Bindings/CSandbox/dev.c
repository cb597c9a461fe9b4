#include "internal.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/// Numbers as in the kernel's Documentation/admin-guide/devices.txt.
static const struct {
  const char *path;
  unsigned major, minor;
} devices[] = {
    {"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
    {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
};

static const struct {
  const char *path, *target;
} links[] = {
    {"/dev/fd", "/proc/self/fd"},         {"/dev/stdin", "/proc/self/fd/0"}, {"/dev/stdout", "/proc/self/fd/1"},
    {"/dev/stderr", "/proc/self/fd/2"},   {"/dev/ptmx", "pts/ptmx"},
};

enum { QUIET = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC };

/// The nodes are our own, not the host's bound here: "chmod 0 /dev/null" inside would change the host's. Each is a bind
/// mount of itself, so that it keeps working when the directory becomes nodev and no other node made there does.
static void make_device(const struct sandbox *sandbox, size_t index) {
  const char *path = devices[index].path;
  if (mknod(path, S_IFCHR | 0600, makedev(devices[index].major, devices[index].minor)) != 0 || chmod(path, 0666) != 0 ||
      mount_attach_at(mount_clone(path, 0), path) != 0)
    sandbox_fail(sandbox, SANDBOX_STEP_DEVICE, path);
}

static void mount_below(const struct sandbox *sandbox, const char *path, int mount) {
  if (mkdir(path, 0755) != 0 || mount_attach_at(mount, path) != 0) sandbox_fail(sandbox, SANDBOX_STEP_MOUNT, path);
}

static void attach_console(int console) {
  static const char path[] = "/dev/console";
  if (console < 0) return;
  int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file >= 0) close(file);
  (void)mount_attach_at(console, path);  // only tty(1) would miss it
}

/// A stream that is the host's /dev/null becomes the sandbox's: fchmod(2) of it would change the host's node.
static void replace_null_streams(const struct sandbox *sandbox) {
  for (int stream = 0; stream < 3; stream++) {
    struct stat status;
    if (fstat(stream, &status) != 0 || !S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3)) continue;
    int own = open(devices[0].path, (fcntl(stream, F_GETFL) & O_ACCMODE) | O_CLOEXEC);
    if (own < 0 || dup2(own, stream) < 0) sandbox_fail(sandbox, SANDBOX_STEP_STREAMS, devices[0].path);
    close(own);
  }
}

void sandbox_mount_dev(const struct sandbox *sandbox, int console) {
  static const struct option directory[] = {{"mode", "0755"}, {0}};
  static const struct option shared[] = {{"mode", "1777"}, {0}};
  static const struct option terminals[] = {{"ptmxmode", "0666"}, {"mode", "0620"}, {"gid", "5"}, {0}};
  int target = sandbox_directory(sandbox, "/dev", false);
  int dev = mount_new("tmpfs", directory, QUIET);
  if (dev < 0 || mount_attach(dev, target) != 0) sandbox_fail(sandbox, SANDBOX_STEP_MOUNT, "/dev");
  close(target);
  for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) make_device(sandbox, i);
  if (mount_set(dev, MOUNT_ATTR_NODEV, 0) != 0) sandbox_fail(sandbox, SANDBOX_STEP_MOUNT, "/dev");
  close(dev);
  mount_below(sandbox, "/dev/pts", mount_new("devpts", terminals, QUIET));
  mount_below(sandbox, "/dev/shm", mount_new("tmpfs", shared, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
  for (size_t i = 0; i < sizeof links / sizeof *links; i++)
    if (symlink(links[i].target, links[i].path) != 0) sandbox_fail(sandbox, SANDBOX_STEP_FILE, links[i].path);
  attach_console(console);
  replace_null_streams(sandbox);
}
