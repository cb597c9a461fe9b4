// The first process of the new namespaces. It builds the root, starts the program, reaps orphans, and by its exit makes
// the kernel kill everything that is left inside (pid_namespaces(7)).
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/// clone3(2) without CLONE_VM and past the C library: its fork(3) would take locks that other threads may hold.
/// `control_group` is the directory of the group in which the new process begins, or -1.
pid_t sandbox_clone(uint64_t flags, int *pidfd, int exit_signal, int control_group) {
  struct clone_args args = {
      .flags = flags | CLONE_CLEAR_SIGHAND, .pidfd = (uint64_t)(uintptr_t)pidfd, .exit_signal = (uint64_t)exit_signal};
  if (control_group >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = (uint64_t)control_group;
  }
  return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

/// Puts the caller's descriptors at 0, 1 and 2. Copies first: input may be the caller's 1. A stream that is closed becomes
/// /dev/null, or a descriptor of the set-up would take its place.
static void take_streams(const struct sandbox *sandbox) {
  int copies[3];
  for (int stream = 0; stream < 3; stream++) {
    struct stat status;
    int given = sandbox->streams[stream];
    copies[stream] = fstat(given, &status) == 0 ? fcntl(given, F_DUPFD, 3) : open("/dev/null", O_RDWR);
    if (copies[stream] >= 0 && copies[stream] < 3) copies[stream] = fcntl(copies[stream], F_DUPFD, 3);
    if (copies[stream] < 0) sandbox_fail(sandbox, SANDBOX_STEP_STREAMS, NULL);
    // openat(2) relative to an open directory of the host would be a way out.
    if (fstat(copies[stream], &status) == 0 && S_ISDIR(status.st_mode)) {
      errno = EISDIR;
      sandbox_fail(sandbox, SANDBOX_STEP_STREAMS, NULL);
    }
  }
  for (int stream = 0; stream < 3; stream++)
    if (dup2(copies[stream], stream) < 0) sandbox_fail(sandbox, SANDBOX_STEP_STREAMS, NULL);
}

static void close_inherited(const struct sandbox *sandbox) {
  unsigned channel = (unsigned)sandbox->channel;
  if ((channel > 3 && close_range(3, channel - 1, 0) != 0) || close_range(channel + 1, ~0U, 0) != 0)
    sandbox_fail(sandbox, SANDBOX_STEP_STREAMS, NULL);
}

static pid_t start(const struct sandbox *sandbox) {
  pid_t program = sandbox_clone(0, NULL, SIGCHLD, -1);
  if (program < 0) sandbox_fail(sandbox, SANDBOX_STEP_FORK, NULL);
  if (program == 0) sandbox_program(sandbox);
  if (sandbox->own_group) (void)setpgid(program, program);  // the program does it too, whichever comes first
  return program;
}

/// Reaps ended processes. Does not return once the program itself has ended.
static void reap(const struct sandbox *sandbox, pid_t program) {
  int status;
  pid_t child;
  while ((child = waitpid(-1, &status, WUNTRACED | WNOHANG)) > 0) {
    if (child != program) continue;
    bool stopped = WIFSTOPPED(status);
    struct message message = {.kind = stopped ? MESSAGE_STOPPED : MESSAGE_ENDED,
                              .value = stopped ? WSTOPSIG(status) : status,
                              .input_offset = lseek(0, 0, SEEK_CUR)};
    sandbox_tell(sandbox, &message, NULL);
    if (!stopped) _exit(0);
  }
}

static void obey(const struct sandbox *sandbox, pid_t program) {
  int32_t order;
  if (recv(sandbox->channel, &order, sizeof order, 0) != sizeof order) _exit(126);  // the attendant is gone
  if (order == ORDER_FOREGROUND) {
    (void)tcsetpgrp(0, program);  // SIGTTOU is blocked here
    order = SIGCONT;
  }
  (void)kill(sandbox->own_group ? -program : program, order);
}

/// Gives the process its own name in place of the caller's arguments. In a container systemd reads those of process 1 as
/// the kernel's command line (proc_cmdline() in src/basic/proc-cmdline.c), where the number of a node is a run level.
static void take_name(const struct sandbox *sandbox) {
  static const char name[] = "ast-init";
  (void)prctl(PR_SET_NAME, name);
  if (!sandbox->words) return;
  memset(sandbox->words, 0, sandbox->words_size);
  memcpy(sandbox->words, name, sandbox->words_size < sizeof name ? sandbox->words_size - 1 : sizeof name);
}

void sandbox_init(struct sandbox *sandbox) {
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  take_name(sandbox);
  (void)prctl(PR_SET_DUMPABLE, 0);  // programs inside must not look into a copy of the caller's memory
  umask(0022);
  take_streams(sandbox);
  sandbox_enter_network(sandbox);
  close_inherited(sandbox);
  sandbox_enter_root(sandbox);
  if (sandbox->serves) sandbox_serve(sandbox);
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  int signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) sandbox_fail(sandbox, SANDBOX_STEP_FORK, NULL);
  pid_t program = start(sandbox);
  struct pollfd sources[] = {{.fd = signals, .events = POLLIN}, {.fd = sandbox->channel, .events = POLLIN}};
  for (;;) {
    reap(sandbox, program);
    if (poll(sources, 2, -1) < 0 && errno != EINTR) _exit(126);
    struct signalfd_siginfo ignored;
    if (sources[0].revents) (void)!read(signals, &ignored, sizeof ignored);
    if (sources[1].revents) obey(sandbox, program);
  }
}
