// /usr/lib/ast/init: the first program of a deployment's start. Brings /etc up to date before systemd reads it.
//
//   init=/usr/lib/ast/init    as PID 1, after an initrd of initramfs-tools: does it in a child, then becomes /sbin/init
//   init merge                as a unit, in an initrd with systemd (see merge.cpio) or later: does it in a child
//
// Nothing here may stop a boot: as PID 1 the program only forks, waits and executes, and every call may fail.
//
// The work itself is ast's (`ast boot-etc`). Its start takes longer than all of this, so the common case, that the
// deployment that starts is the one that ran last, is found out here.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { limit_ms = 60 * 1000, kill_ms = 2 * 1000 };

static const char own_path[] = "/usr/lib/ast/init";
static const char top_level[] = "/run/ast/top";

// One line in the kernel's log. It takes ten lines in five seconds from one open file (printk.devkmsg).
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...) {
  char line[256];
  int length = snprintf(line, sizeof line, "<5>ast: ");
  va_list values;
  va_start(values, format);
  length += vsnprintf(line + length, sizeof line - (size_t)length - 1, format, values);
  va_end(values);
  if (length > (int)sizeof line - 2) length = sizeof line - 2;
  line[length++] = '\n';
  int log = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (log < 0) return;
  if (write(log, line, (size_t)length) < 0) errno = 0;
  close(log);
}

static long now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

// The place of the running root.
struct root {
  char device[256];
  char store[1024];  // the store's path from the top level, such as /@snapshots
  int deployment;    // 0 unless a deployment runs
};

// Reads it from mountinfo: the root of a deployment is STORE/deploy/NUMBER/root.
static bool find_root(struct root *root) {
  FILE *table = fopen("/proc/self/mountinfo", "re");
  if (!table) return false;
  char line[4096], subvolume[1024], directory[1024], mount_point[1024], type[32];
  bool found = false;
  while (fgets(line, sizeof line, table)) {
    char *options = strstr(line, " - ");
    if (!options || sscanf(line, "%*s %*s %*s %1023s %1023s", directory, mount_point) != 2) continue;
    if (strcmp(mount_point, "/") != 0) continue;
    // A later line is mounted over an earlier one.
    strcpy(subvolume, directory);
    found = sscanf(options, " - %31s %255s", type, root->device) == 2 && strcmp(type, "btrfs") == 0;
  }
  fclose(table);
  if (!found) return false;
  char *end = strrchr(subvolume, '/');
  if (!end || strcmp(end, "/root") != 0) return false;
  *end = 0;
  char *number = strrchr(subvolume, '/');
  if (!number) return false;
  *number++ = 0;
  end = strrchr(subvolume, '/');
  if (!end || strcmp(end, "/deploy") != 0) return false;
  *end = 0;
  root->deployment = atoi(number);
  snprintf(root->store, sizeof root->store, "%s", subvolume);
  return root->deployment > 0;
}

// The note of what ran last (Store/RunNote.swift): the deployment, and the one that its /etc has still to be merged
// from, or 0.
struct note {
  char ran[64];
  char from[64];
};

static void read_note(struct note *note) {
  *note = (struct note){0};
  FILE *file = fopen("ast/ran", "re");
  if (!file) return;
  char line[80];
  while (fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = 0;
    if (strncmp(line, "ran=", 4) == 0) snprintf(note->ran, sizeof note->ran, "%.63s", line + 4);
    if (strncmp(line, "from=", 5) == 0) snprintf(note->from, sizeof note->from, "%.63s", line + 5);
  }
  fclose(file);
}

// Replaces the note durably. Returns 0, or the number of the error.
static int write_note(int deployment, const char *from) {
  char text[160];
  int length = snprintf(text, sizeof text, "ran=%d\n", deployment);
  if (*from) length += snprintf(text + length, sizeof text - (size_t)length, "from=%s\n", from);
  int directory = open("ast", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int file = openat(directory, "ran.new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
  bool done = file >= 0 && write(file, text, (size_t)length) == length && fsync(file) == 0 &&
              renameat(directory, "ran.new", directory, "ran") == 0 && fsync(directory) == 0;
  int error = done ? 0 : errno ? errno : EIO;
  if (file >= 0) close(file);
  if (directory >= 0) close(directory);
  return error;
}

// Finds out whether there is anything to do, notes what runs, and becomes ast if there is. The process has mounts of
// its own. Does not return.
static void merge(void) {
  struct root root;
  if (!find_root(&root)) _exit(0);  // A trial keeps its /etc in memory, and is never what ran last.
  mkdir("/run/ast", 0755);
  // It is tried once at each start: what hung before systemd must not hang a unit, too.
  if (mkdir(top_level, 0700) != 0 && errno == EEXIST) _exit(0);
  // The superblock becomes writable; the mount of the root stays as it is.
  if (mount(root.device, top_level, "btrfs", MS_NOATIME | MS_NOSUID | MS_NODEV, "subvolid=5") != 0) {
    say("/etc was not brought up to date: cannot mount %s: %s", root.device, strerror(errno));
    _exit(1);
  }
  char store[sizeof top_level + sizeof root.store], number[16], left_over[64];
  snprintf(store, sizeof store, "%s%s", top_level, root.store);
  snprintf(number, sizeof number, "%d", root.deployment);
  snprintf(left_over, sizeof left_over, "deploy/%d/root/etc.new", root.deployment);
  if (chdir(store) != 0) {
    say("/etc was not brought up to date: cannot enter %s: %s", root.store, strerror(errno));
    _exit(1);
  }
  struct note note;
  read_note(&note);
  // A merge that was not finished, of this deployment or of another, leaves the place that it was to come from.
  const char *from = *note.from ? note.from : note.ran;
  if (strcmp(from, number) == 0) from = "";
  bool is_noted = strcmp(note.ran, number) == 0 && strcmp(note.from, from) == 0;
  int error = is_noted ? 0 : write_note(root.deployment, from);
  // On a full disk, ast gives up the space that it keeps for that, and notes it then.
  if (error && error != ENOSPC && error != EDQUOT) {
    say("/etc was not brought up to date: cannot write %s/ast/ran: %s", root.store, strerror(error));
    _exit(1);
  }
  struct stat status;
  if (!*from && lstat(left_over, &status) != 0) _exit(0);
  // Swift's hash tables would wait for the kernel's first random numbers, which may take seconds at this time.
  char *const environment[] = {
    "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "SWIFT_DETERMINISTIC_HASHING=1", NULL,
  };
  execle("/usr/lib/ast/merge", "ast", "--store", store, "boot-etc", number, (char *)NULL, environment);
  say("/etc was not brought up to date: cannot run /usr/lib/ast/merge: %s", strerror(errno));
  _exit(127);
}

// Starts the child, and waits until it has ended. It is the first process of its own namespace: it cannot send a signal
// to this one, and nothing it started outlives it.
static void run_child(void) {
  int pidfd = -1;
  struct clone_args arguments = {
    .flags = CLONE_PIDFD | CLONE_NEWNS | CLONE_NEWPID,
    .pidfd = (uintptr_t)&pidfd,
    .exit_signal = SIGCHLD,
  };
  pid_t child = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
  if (child == 0) {
    setsid();
    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    // The links below /proc/self must be those of this namespace.
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    merge();
  }
  if (child < 0) return say("/etc was not brought up to date: no child: %s", strerror(errno));
  struct pollfd event = {.fd = pidfd, .events = POLLIN};
  long end = now_ms() + limit_ms, left;
  while ((left = end - now_ms()) > 0 && poll(&event, 1, (int)left) < 0 && errno == EINTR) continue;
  int status;
  if (waitpid(child, &status, WNOHANG | __WALL) == child) {
    if (WIFSIGNALED(status)) say("/etc was not brought up to date: signal %d ended ast", WTERMSIG(status));
  } else {
    say("/etc was not brought up to date within %d s", limit_ms / 1000);
    kill(child, SIGKILL);
    poll(&event, 1, kill_ms);  // It may be in the kernel.
    waitpid(child, &status, WNOHANG | __WALL);
  }
  close(pidfd);
}

// The program that is started at the end: the one that /etc/default/grub of the node names, or the usual one.
static const char *next_program(char *command_line, size_t size) {
  int file = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
  ssize_t length = file < 0 ? -1 : read(file, command_line, size - 1);
  if (file >= 0) close(file);
  command_line[length < 0 ? 0 : length] = 0;
  const char *program = "/sbin/init";
  for (char *word = strtok(command_line, " \n"); word && strcmp(word, "--") != 0; word = strtok(NULL, " \n"))
    if (strncmp(word, "ast.init=/", 10) == 0) program = word + 9;
  return program;
}

int main(int count, char **words) {
  if (count == 2 && strcmp(words[1], "merge") == 0 && getpid() != 1) {
    run_child();
    return 0;
  }
  if (getpid() != 1) {
    fprintf(stderr, "%s is started by the kernel, as init=%s\n", own_path, own_path);
    return 2;
  }
  run_child();
  static char command_line[4096];
  words[0] = (char *)next_program(command_line, sizeof command_line);
  execv(words[0], words);
  say("cannot run %s: %s", words[0], strerror(errno));
  words[0] = "/sbin/init";
  execv(words[0], words);
  words[0] = "/bin/sh";
  execv(words[0], words);
  return 1;
}
