#include "internal.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

/// A new file system of a kernel type, not attached anywhere yet (fsopen(2), fsconfig(2), fsmount(2)).
/// `options` ends with a NULL key.
int mount_new(const char *type, const struct option *options, uint64_t attributes) {
  int context = fsopen(type, FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  int mount = -1;
  (void)fsconfig(context, FSCONFIG_SET_STRING, "source", type, 0);  // df(1) shows it instead of "none"
  for (; options && options->key; options++)
    if (fsconfig(context, FSCONFIG_SET_STRING, options->key, options->value, 0) != 0) goto done;
  if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
    mount = fsmount(context, FSMOUNT_CLOEXEC, (unsigned)attributes);
done:
  close(context);
  return mount;
}

/// A detached bind mount of one file or directory, without what is mounted below it.
int mount_clone(const char *path, uint64_t attributes) {
  int mount = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (mount < 0) return -1;
  if (attributes != 0 && mount_set(mount, attributes, 0) != 0) {
    close(mount);
    return -1;
  }
  return mount;
}

int mount_set(int mount, uint64_t set, uint64_t clear) {
  struct mount_attr attr = {.attr_set = set, .attr_clr = clear};
  return mount_setattr(mount, "", AT_EMPTY_PATH, &attr, sizeof attr);
}

/// Attaches a detached mount at the file or directory `target` is open at.
int mount_attach(int mount, int target) {
  return move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/// The same at a path, whose last component may not be a symbolic link. Closes `mount`.
int mount_attach_at(int mount, const char *target) {
  if (mount < 0) return -1;
  int status = move_mount(mount, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
  close(mount);
  return status;
}
