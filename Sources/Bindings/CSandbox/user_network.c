// The two processes behind a network of its own: the holder, in whose user namespace the network namespace is, and
// pasta(1), which passes on what is sent there. Both belong to a user that has nothing else, and end with the thread
// that started them (prctl(2), PR_SET_PDEATHSIG).
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/// What a child tells before it ends, through a pipe that execve(2) closes.
struct failure {
  int32_t step, error;
};

static _Noreturn void fail(int pipe, enum sandbox_network_step step) {
  struct failure failure = {.step = step, .error = errno};
  (void)!write(pipe, &failure, sizeof failure);
  _exit(127);
}

/// The plain system calls: those of the C library are for all threads, which a child does not have.
static int become(uid_t user, gid_t group) {
  if (syscall(SYS_setgroups, 0, NULL) != 0 || syscall(SYS_setresgid, group, group, group) != 0) return -1;
  return (int)syscall(SYS_setresuid, user, user, user);
}

/// The death of the starter may have come before the order.
static void end_with(pid_t starter) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != starter) _exit(127);
}

/// Leaves `pipe` as 3, and nothing else of the starter's.
static void leave_starter(const struct sandbox_network_user *user, int output, int pipe, pid_t starter) {
  int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (output < 0) output = nothing;
  // Beyond the places they go to.
  pipe = fcntl(pipe, F_DUPFD_CLOEXEC, 10);
  output = fcntl(output, F_DUPFD_CLOEXEC, 10);
  if (nothing < 0 || pipe < 0 || output < 0) _exit(127);
  if (dup2(nothing, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) fail(pipe, SANDBOX_NETWORK_STEP_START);
  if (dup3(pipe, 3, O_CLOEXEC) < 0 || close_range(4, ~0U, 0) != 0 || chdir("/") != 0) fail(3, SANDBOX_NETWORK_STEP_START);
  if (become(user->user, user->group) != 0) fail(3, SANDBOX_NETWORK_STEP_USER);
  end_with(starter);
  sigset_t none;
  sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int write_file(const char *path, const char *text) {
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return -1;
  ssize_t written = write(file, text, strlen(text));
  int error = errno;
  close(file);
  errno = error;
  return written < 0 ? -1 : 0;
}

/// The user alone is root there (user_namespaces(7)).
static int map_user(const struct sandbox_network_user *user) {
  char users[32], groups[32];
  snprintf(users, sizeof users, "0 %u 1", (unsigned)user->user);
  snprintf(groups, sizeof groups, "0 %u 1", (unsigned)user->group);
  if (write_file("/proc/self/setgroups", "deny") != 0 || write_file("/proc/self/uid_map", users) != 0) return -1;
  return write_file("/proc/self/gid_map", groups);
}

/// sleep(1) takes the place of the copy of the starter's memory, which pasta must not see.
static _Noreturn void hold(const struct sandbox_network_user *user, const struct sandbox_prefix *refused, size_t count,
                           pid_t starter) {
  static char *const sleeping[] = {"sleep", "infinity", NULL};
  static char *const environment[] = {NULL};
  // For /proc/self/uid_map, and so that pasta may open /proc/PID/ns.
  if (prctl(PR_SET_DUMPABLE, 1) != 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) fail(3, SANDBOX_NETWORK_STEP_NAMESPACES);
  end_with(starter);
  if (map_user(user) != 0) fail(3, SANDBOX_NETWORK_STEP_NAMESPACES);
  if (network_raise_loopback() != 0) fail(3, SANDBOX_NETWORK_STEP_NAMESPACES);
  network_prohibit(refused, count);
  execve("/usr/bin/sleep", sleeping, environment);
  fail(3, SANDBOX_NETWORK_STEP_START);
}

static enum sandbox_network_step await_start(int pipe) {
  struct failure failure;
  ssize_t length;
  while ((length = read(pipe, &failure, sizeof failure)) < 0 && errno == EINTR) {}
  if (length == 0) return SANDBOX_NETWORK_STEP_NONE;
  errno = length == sizeof failure ? failure.error : EIO;
  return length == sizeof failure ? (enum sandbox_network_step)failure.step : SANDBOX_NETWORK_STEP_START;
}

/// Both processes are started here: `words` are those of pasta, or NULL for the holder.
static enum sandbox_network_step start(const struct sandbox_network_user *user, const struct sandbox_prefix *refused,
                                       size_t count, char *const *words, int output, struct sandbox_process *process) {
  static char *const environment[] = {NULL};
  int pipe[2];
  *process = (struct sandbox_process){.pid = -1, .pidfd = -1};
  if (pipe2(pipe, O_CLOEXEC) != 0) return SANDBOX_NETWORK_STEP_START;
  pid_t starter = getpid();
  process->pid = sandbox_clone(CLONE_PIDFD, &process->pidfd, 0, -1);
  if (process->pid == 0) {
    leave_starter(user, output, pipe[1], starter);
    if (!words) hold(user, refused, count, starter);
    execve(words[0], words, environment);
    fail(3, SANDBOX_NETWORK_STEP_PROGRAM);
  }
  int error = errno;
  close(pipe[1]);
  errno = error;
  enum sandbox_network_step step = process->pid < 0 ? SANDBOX_NETWORK_STEP_START : await_start(pipe[0]);
  error = errno;
  close(pipe[0]);
  if (step != SANDBOX_NETWORK_STEP_NONE) sandbox_network_end(process);
  errno = error;
  return step;
}

enum sandbox_network_step sandbox_network_hold(const struct sandbox_network_user *user, const struct sandbox_prefix *refused,
                                               size_t count, struct sandbox_process *holder) {
  return start(user, refused, count, NULL, -1, holder);
}

enum sandbox_network_step sandbox_network_connect(const struct sandbox_network_user *user, char *const *words, int *messages,
                                                  struct sandbox_process *pasta) {
  int pipe[2];
  *messages = -1;
  // A full pipe must not stop pasta.
  if (pipe2(pipe, O_CLOEXEC | O_NONBLOCK) != 0) return SANDBOX_NETWORK_STEP_START;
  enum sandbox_network_step step = start(user, NULL, 0, words, pipe[1], pasta);
  int error = errno;
  close(pipe[1]);
  if (step == SANDBOX_NETWORK_STEP_NONE)
    *messages = pipe[0];
  else
    close(pipe[0]);
  errno = error;
  return step;
}

void sandbox_network_end(struct sandbox_process *process) {
  siginfo_t info;
  if (process->pidfd < 0) return;
  (void)syscall(SYS_pidfd_send_signal, process->pidfd, SIGKILL, NULL, 0);
  while (waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED | __WALL) != 0 && errno == EINTR) {}
  close(process->pidfd);
  *process = (struct sandbox_process){.pid = -1, .pidfd = -1};
}
