import FoundationEssentials
import SystemPackage
import TestSupport

/// A program that tries to get out of a node, in C because it makes unusual system calls. It is linked statically, so it
/// runs in every node.
enum HostileProgram {
  /// Its path on the host.
  static var path: FilePath { get throws { try made.get() } }

  /// A node that has it in `/usr/local/bin`.
  static var node: Int { get throws { try armed.get() } }

  private static let made = Result {
    let directory = try LoopBtrfs.shared.newDirectory()
    let (source, program) = (directory.appending("hostile.c"), directory.appending("hostile"))
    try Data(text.utf8).write(to: URL(filePath: source.string))
    try runSuccessfully(["cc", "-static", "-O1", "-Wall", "-o", program.string, source.string])
    return program
  }

  private static let armed = Result {
    let node = try DebianNode()
    let program = try Data(contentsOf: URL(filePath: path.string)).base64EncodedString()
    let install = "base64 --decode >/usr/local/bin/hostile; chmod 755 /usr/local/bin/hostile"
    try node.shell(install, input: program).expectSuccess()
    return node.id
  }

  /// Each attempt prints its name and its result: "DONE", or why it failed.
  private static let text = #"""
    #define _GNU_SOURCE
    #include <errno.h>
    #include <fcntl.h>
    #include <linux/btrfs.h>
    #include <linux/fs.h>
    #include <sched.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/ioctl.h>
    #include <sys/mount.h>
    #include <sys/stat.h>
    #include <sys/statvfs.h>
    #include <sys/syscall.h>
    #include <sys/wait.h>
    #include <unistd.h>

    static long tell(const char *what, long result) {
      printf("%s: %s\n", what, result < 0 ? strerrorname_np(errno) : "DONE");
      fflush(stdout);
      return result;
    }

    static int name_of(const char *path, struct file_handle *handle) {
      int mount;
      handle->handle_bytes = 128;
      return name_to_handle_at(AT_FDCWD, path, handle, &mount, 0);
    }

    static void print_handle(const char *path) {
      struct file_handle *handle = malloc(sizeof *handle + 128);
      if (name_of(path, handle) != 0) exit(1);
      printf("%d:", handle->handle_type);
      for (unsigned i = 0; i < handle->handle_bytes; i++) printf("%02x", handle->f_handle[i]);
    }

    static int open_handle(const char *mount, const char *text) {
      struct file_handle *handle = malloc(sizeof *handle + 128);
      char *hex;
      handle->handle_type = (int)strtol(text, &hex, 10);
      handle->handle_bytes = (unsigned)strlen(++hex) / 2;
      for (unsigned i = 0; i < handle->handle_bytes; i++) sscanf(hex + 2 * i, "%2hhx", &handle->f_handle[i]);
      return open_by_handle_at(open(mount, O_RDONLY | O_DIRECTORY), handle, O_RDONLY);
    }

    static void handles(const char *mount, const char *file, const char *directory) {
      tell("file", open_handle(mount, file));
      tell("directory", open_handle(mount, directory));
    }

    // With a user namespace of one's own comes every capability in it, and more calls of the kernel.
    static void own_namespace(const char *file, const char *directory) {
      if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET) != 0) {
        puts("namespace: none");
        return;
      }
      fflush(stdout);
      if (fork() != 0) {
        wait(NULL);
        return;
      }
      handles("/", file, directory);
      mkdir("/tmp/place", 0755);
      mkdir("/tmp/proc", 0755);
      tell("bind", mount("/home", "/tmp/place", NULL, MS_BIND, NULL));
      handles("/tmp/place", file, directory);
      tell("umount", umount2("/proc/sys", MNT_DETACH));
      tell("writable sys", mount(NULL, "/sys", NULL, MS_REMOUNT | MS_BIND, NULL));
      tell("devices", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
      tell("proc", mount("proc", "/tmp/proc", "proc", 0, NULL));
      tell("sysfs", mount("sysfs", "/tmp/proc", "sysfs", 0, NULL));
      exit(0);
    }

    static void mounts(void) {
      struct mount_attr devices = {.attr_clr = MOUNT_ATTR_NODEV};
      tell("mount", mount("tmpfs", "/mnt", "tmpfs", 0, NULL));
      tell("bind", mount("/", "/mnt", NULL, MS_BIND, NULL));
      tell("move", mount("/proc", "/mnt", NULL, MS_MOVE, NULL));
      tell("remount", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
      tell("mount_setattr", syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, &devices, sizeof devices));
      tell("umount", umount2("/proc/sys", MNT_DETACH));
      tell("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
      tell("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", 1));
      tell("pivot_root", syscall(SYS_pivot_root, "/", "/mnt"));
      tell("unshare", unshare(CLONE_NEWNS));
      tell("setns", setns(open("/proc/self/ns/mnt", O_RDONLY), 0));
    }

    static void subvolumes(void) {
      int here = open("/", O_RDONLY | O_DIRECTORY);
      struct btrfs_ioctl_vol_args old = {.fd = here, .name = "made"};
      struct btrfs_ioctl_vol_args_v2 new = {.fd = here, .name = "made"};
      struct btrfs_ioctl_received_subvol_args received = {.uuid = "forged"};
      struct btrfs_ioctl_quota_ctl_args quota = {.cmd = BTRFS_QUOTA_CTL_ENABLE};
      struct btrfs_ioctl_vol_args size = {.name = "max"};
      struct btrfs_ioctl_search_args search = {.key = {.tree_id = 1, .nr_items = 1}};
      __u64 read_only = BTRFS_SUBVOL_RDONLY, top = 5;
      tell("create", ioctl(here, BTRFS_IOC_SUBVOL_CREATE, &old));
      tell("create v2", ioctl(here, BTRFS_IOC_SUBVOL_CREATE_V2, &new));
      tell("snapshot", ioctl(here, BTRFS_IOC_SNAP_CREATE, &old));
      tell("snapshot v2", ioctl(here, BTRFS_IOC_SNAP_CREATE_V2, &new));
      tell("destroy", ioctl(here, BTRFS_IOC_SNAP_DESTROY, &old));
      tell("destroy v2", ioctl(here, BTRFS_IOC_SNAP_DESTROY_V2, &new));
      tell("property", ioctl(here, BTRFS_IOC_SUBVOL_SETFLAGS, &read_only));
      tell("received", ioctl(here, BTRFS_IOC_SET_RECEIVED_SUBVOL, &received));
      tell("received 32", ioctl(here, _IOC(_IOC_READ | _IOC_WRITE, BTRFS_IOCTL_MAGIC, 37, 192), &received));
      tell("default", ioctl(here, BTRFS_IOC_DEFAULT_SUBVOL, &top));
      tell("quota", ioctl(here, BTRFS_IOC_QUOTA_CTL, &quota));
      tell("resize", ioctl(here, BTRFS_IOC_RESIZE, &size));
      tell("search", ioctl(here, BTRFS_IOC_TREE_SEARCH, &search));
    }

    // A directory outside of a chroot of one's own, and from there up.
    static void escape(void) {
      mkdir("/jail", 0755);
      int outside = open("/", O_RDONLY | O_DIRECTORY);
      if (chroot("/jail") != 0 || fchdir(outside) != 0) exit(1);
      for (int i = 0; i < 100; i++) (void)!chdir("..");
      (void)!chroot(".");
      puts(access("/run/ast/sandbox", F_OK) == 0 ? "inside" : "OUTSIDE");
    }

    // Only files on a read-only mount are tried: the tests must not harm the machine if the sandbox fails.
    static void open_to_write(const char *path) {
      struct statvfs status;
      if (access(path, F_OK) != 0) {
        printf("%s: missing\n", path);
        return;
      }
      if (statvfs(path, &status) != 0 || !(status.f_flag & ST_RDONLY)) {
        printf("%s: WRITABLE\n", path);
        return;
      }
      tell(path, open(path, O_WRONLY));
    }

    static void type(const char *text) {
      for (; *text; text++)
        if (ioctl(0, TIOCSTI, text) != 0) break;
      tell("TIOCSTI", *text ? -1 : 0);
    }

    static void protect(const char *path, const char *attributes) {
      int flags = 0;
      if (strchr(attributes, 'i')) flags |= FS_IMMUTABLE_FL;
      if (strchr(attributes, 'a')) flags |= FS_APPEND_FL;
      if (ioctl(open(path, O_RDONLY), FS_IOC_SETFLAGS, &flags) != 0) exit(1);
    }

    static void dedupe(const char *from, const char *into) {
      struct file_dedupe_range *range = calloc(1, sizeof *range + sizeof *range->info);
      range->src_length = 4096;
      range->dest_count = 1;
      range->info[0].dest_fd = open(into, O_RDWR);
      tell("dedupe", ioctl(open(from, O_RDONLY), FIDEDUPERANGE, range));
      puts(range->info[0].status == FILE_DEDUPE_RANGE_SAME ? "same" : "differs");
    }

    static void children(int count) {
      for (int i = 0; i < count; i++) {
        if (fork() != 0) continue;
        setsid();
        if (i % 2) signal(SIGHUP, SIG_IGN), signal(SIGTERM, SIG_IGN);
        pause();
      }
    }

    int main(int argc, char **argv) {
      const char *what = argc > 1 ? argv[1] : "";
      if (strcmp(what, "handle-of") == 0) print_handle(argv[2]);
      if (strcmp(what, "handles") == 0) handles(argv[2], argv[3], argv[4]);
      if (strcmp(what, "own-namespace") == 0) own_namespace(argv[2], argv[3]);
      if (strcmp(what, "mounts") == 0) mounts();
      if (strcmp(what, "subvolumes") == 0) subvolumes();
      if (strcmp(what, "escape") == 0) escape();
      if (strcmp(what, "type") == 0) type(argv[2]);
      if (strcmp(what, "protect") == 0) protect(argv[2], argv[3]);
      if (strcmp(what, "dedupe") == 0) dedupe(argv[2], argv[3]);
      if (strcmp(what, "children") == 0) children(atoi(argv[2]));
      for (int i = 2; i < argc && strcmp(what, "open-to-write") == 0; i++) open_to_write(argv[i]);
      return 0;
    }
    """#
}
