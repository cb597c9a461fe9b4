#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/// A file system of the sandbox: kernel type, place, options.
struct fixture {
  const char *type, *path;
  uint64_t attributes;
  struct option options[3];
  bool may_be_link;
};

enum { QUIET = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };

/// sysfs is made read-only at the mount: its superblock is shared with the host's mounts of it. The firmware's variables
/// and tables are the host's.
static const struct fixture fixtures[] = {
    {"sysfs", "/sys", QUIET | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY, {{0}}, false},
    {"tmpfs", "/sys/firmware", QUIET | MOUNT_ATTR_RDONLY, {{0}}, false},
    {"tmpfs", "/run", QUIET, {{"mode", "0755"}, {0}}, false},
    // A node may have /tmp -> /var/tmp: then it has what it asked for, in its own tree.
    {"tmpfs", "/tmp", QUIET, {{"mode", "1777"}, {0}}, true},
};

static void mount_fixture(const struct sandbox *sandbox, const struct fixture *fixture) {
  int target = sandbox_directory(sandbox, fixture->path, fixture->may_be_link);
  if (target < 0) return;
  int mount = mount_new(fixture->type, fixture->options, fixture->attributes);
  if (mount < 0 || mount_attach(mount, target) != 0) sandbox_fail(sandbox, SANDBOX_STEP_MOUNT, fixture->path);
  close(mount);
  close(target);
}

static void leave(const struct sandbox *sandbox, const char *path, const char *text) {
  int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
  ssize_t length = (ssize_t)strlen(text);
  if (file < 0 || write(file, text, (size_t)length) != length) sandbox_fail(sandbox, SANDBOX_STEP_FILE, path);
  close(file);
}

/// Scripts can tell by /run/ast/sandbox that they run in a transaction, and by /run/ast/transaction in which.
static void leave_marker(const struct sandbox *sandbox) {
  if (mkdir("/run/ast", 0755) != 0) sandbox_fail(sandbox, SANDBOX_STEP_FILE, "/run/ast");
  leave(sandbox, "/run/ast/sandbox", "");
  if (sandbox->plan->transaction) leave(sandbox, "/run/ast/transaction", sandbox->plan->transaction);
}

/// The staged directory as a mount: setuid programs work, device nodes do not, reading leaves no trace (relatime would
/// write into a fresh clone), and the mount options of its parent do not matter.
static int clone_root(const struct sandbox *sandbox) {
  const char *path = sandbox->plan->root;
  int root = mount_clone(path, 0);
  uint64_t clear = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
  if (root < 0 || mount_set(root, MOUNT_ATTR_NOATIME | MOUNT_ATTR_NODEV, clear) != 0)
    sandbox_fail(sandbox, SANDBOX_STEP_ROOT, path);
  return root;
}

/// pivot_root(2), "pivot_root(".", ".")": the old root ends up on top of the new one and is detached at once.
static void pivot(const struct sandbox *sandbox, int root) {
  const char *path = sandbox->plan->root;
  int place = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (place < 0 || mount_attach(root, place) != 0 || fchdir(root) != 0) sandbox_fail(sandbox, SANDBOX_STEP_ROOT, path);
  close(place);
  close(root);
  if (syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
    sandbox_fail(sandbox, SANDBOX_STEP_PIVOT, path);
}

/// The terminal's node, so that tty(1) finds a name for standard input. Read-only: mesg(1) inside must not change the
/// mode of a node of the host. A terminal without a name here is not an error.
static int clone_console(const struct sandbox *sandbox) {
  struct stat named, input;
  const char *path = sandbox->terminal;
  if (!*path || stat(path, &named) != 0 || fstat(0, &input) != 0 || named.st_rdev != input.st_rdev) return -1;
  return mount_clone(path, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY);
}

/// Sources on the host are opened as detached mounts, then the root is exchanged, then everything is attached. So no
/// link in the staged root can lead a mount out of it, and killing the caller at any moment leaves nothing mounted.
void sandbox_enter_root(struct sandbox *sandbox) {
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) sandbox_fail(sandbox, SANDBOX_STEP_PRIVATE_MOUNTS, NULL);
  sandbox_open_binds(sandbox);
  int console = clone_console(sandbox);
  pivot(sandbox, clone_root(sandbox));
  sandbox_mount_proc(sandbox);
  for (size_t i = 0; i < sizeof fixtures / sizeof *fixtures; i++) mount_fixture(sandbox, &fixtures[i]);
  sandbox_mount_dev(sandbox, console);
  sandbox_protect_proc(sandbox);
  leave_marker(sandbox);
  sandbox_attach_binds(sandbox);
}
