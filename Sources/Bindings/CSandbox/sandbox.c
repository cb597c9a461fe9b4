#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NAMESPACES = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS };

static bool failed(struct sandbox_result *result, enum sandbox_step step) {
  result->error = errno;
  result->step = step;
  return false;
}

/// A descriptor beyond the standard ones: the caller may have been started without some of those.
static int beyond_streams(int descriptor) {
  if (descriptor < 0 || descriptor > 2) return descriptor;
  int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  close(descriptor);
  return moved;
}

/// Allocates memory for the new processes, which cannot do so themselves.
static int make_room(struct sandbox *sandbox) {
  size_t words = 3;
  for (char *const *argument = sandbox->plan->arguments; argument && *argument; argument++) words++;
  sandbox->shell_words = calloc(words, sizeof *sandbox->shell_words);
  sandbox->bind_mounts = calloc(sandbox->plan->bind_count + 1, sizeof *sandbox->bind_mounts);
  return sandbox->shell_words && sandbox->bind_mounts ? 0 : -1;
}

/// A run is interactive if its three streams are terminals, the first our controlling one: a program in a pipeline
/// shares the terminal with its neighbours and stays in our process group.
static void look_at_terminal(struct sandbox *sandbox) {
  if (ttyname_r(sandbox->plan->streams[0], sandbox->terminal, sizeof sandbox->terminal) != 0) *sandbox->terminal = 0;
  if (!sandbox->plan->attended || !isatty(0) || !isatty(1) || !isatty(2)) return;
  pid_t foreground = tcgetpgrp(0);
  sandbox->own_group = foreground >= 0;
  sandbox->foreground = sandbox->own_group && foreground == getpgrp();
}

/// Finds the caller's arguments in its memory: proc_pid_stat(5), arg_start and arg_end. Without /proc they stay unknown.
static void look_at_arguments(struct sandbox *sandbox) {
  char text[4096];
  int file = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  text[length > 0 ? length : 0] = 0;
  char *field = strrchr(text, ')');  // the name before it may contain anything
  for (int number = 2; field && number < 48; number++) field = strchr(field + 1, ' ');
  unsigned long start, end;
  if (!field || sscanf(field, "%lu %lu", &start, &end) != 2 || start == 0 || end <= start) return;
  sandbox->words = (char *)start;
  sandbox->words_size = end - start;
}

static void await_end(int pidfd) {
  siginfo_t info;
  while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | __WALL) != 0 && errno == EINTR) {}
}

/// Starts init with every signal blocked; it shares `sandbox->channel` with us. False with the reason in `result`.
/// It has no exit signal: the caller may reap its other children with waitpid(-1), and must not get this one.
static bool start_init(struct sandbox *sandbox, int *pidfd, struct sandbox_result *result) {
  int channel[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) != 0) return failed(result, SANDBOX_STEP_PREPARE);
  for (int end = 0; end < 2; end++) channel[end] = beyond_streams(channel[end]);
  uint64_t network = sandbox->plan->isolated_network ? CLONE_NEWNET : 0;
  pid_t init = sandbox_clone(NAMESPACES | network | CLONE_PIDFD, pidfd, 0, sandbox->plan->control_group);
  if (init == 0) {
    sandbox->channel = channel[1];
    sandbox_init(sandbox);
  }
  if (init < 0) failed(result, SANDBOX_STEP_CLONE);
  close(channel[1]);
  sandbox->channel = channel[0];
  return init > 0;
}

/// Attends the program, and waits until all processes inside have ended.
static void attend_to_the_end(struct sandbox *sandbox, int signals, const sigset_t *previous,
                              struct sandbox_result *result) {
  int pidfd = -1;
  if (start_init(sandbox, &pidfd, result)) {
    // A thread that attends no terminal has no reason to keep its signals waiting.
    if (!sandbox->plan->attended) pthread_sigmask(SIG_SETMASK, previous, NULL);
    sandbox_attend(sandbox, pidfd, signals, result);
    await_end(pidfd);
    close(pidfd);
  }
  if (sandbox->channel >= 0) close(sandbox->channel);
}

static bool is_cancelled(const struct sandbox_plan *plan) {
  struct pollfd cancellation = {.fd = plan->cancellation, .events = POLLIN};
  return poll(&cancellation, 1, 0) > 0;
}

/// An interruption that came before the start prevents it.
static void run_blocked(struct sandbox *sandbox, const sigset_t *previous, struct sandbox_result *result) {
  const struct sandbox_plan *plan = sandbox->plan;
  int signals = -1;
  if (plan->attended) {
    sigset_t watched;
    signals = beyond_streams(sandbox_watch_signals(&watched));
    if (signals < 0) {
      failed(result, SANDBOX_STEP_PREPARE);
      return;
    }
    result->interruption = sandbox_pending_interruption(&watched);
  }
  if (result->interruption == 0 && is_cancelled(plan)) result->interruption = SIGTERM;
  result->wait_status = result->interruption;
  if (result->interruption == 0) attend_to_the_end(sandbox, signals, previous, result);
  if (signals >= 0) close(signals);
}

int sandbox_run(const struct sandbox_plan *plan, struct sandbox_result *result) {
  struct sandbox sandbox = {.plan = plan, .channel = -1};
  sigset_t all, previous;
  memset(result, 0, sizeof *result);
  if (make_room(&sandbox) != 0) {
    failed(result, SANDBOX_STEP_PREPARE);
  } else {
    look_at_terminal(&sandbox);
    look_at_arguments(&sandbox);
    sandbox_open_streams(&sandbox);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &previous);
    run_blocked(&sandbox, &previous, result);
    // Signals that came too late for the program stay pending for the caller, which commits or discards.
    pthread_sigmask(SIG_SETMASK, &previous, NULL);
    sandbox_close_streams(&sandbox);
  }
  free(sandbox.shell_words);
  free(sandbox.bind_mounts);
  return result->error == 0 ? 0 : -1;
}

int sandbox_open(const struct sandbox_plan *plan, struct sandbox_open *open, struct sandbox_result *result) {
  struct sandbox sandbox = {.plan = plan, .channel = -1, .serves = true, .streams = {-1, -1, -1}};
  sigset_t all, previous;
  memset(result, 0, sizeof *result);
  open->pidfd = -1;
  if (make_room(&sandbox) != 0) {
    failed(result, SANDBOX_STEP_PREPARE);
  } else {
    look_at_arguments(&sandbox);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &previous);
    if (start_init(&sandbox, &open->pidfd, result)) (void)sandbox_listen_to_setup(&sandbox, result);
    pthread_sigmask(SIG_SETMASK, &previous, NULL);
  }
  free(sandbox.shell_words);
  free(sandbox.bind_mounts);
  open->channel = sandbox.channel;
  if (result->error == 0) return 0;
  sandbox_close(open);
  return -1;
}

void sandbox_close(struct sandbox_open *open) {
  if (open->pidfd >= 0) {
    (void)syscall(SYS_pidfd_send_signal, open->pidfd, SIGKILL, NULL, 0);
    await_end(open->pidfd);
    close(open->pidfd);
  }
  if (open->channel >= 0) close(open->channel);
  open->pidfd = open->channel = -1;
}

void sandbox_result_free(struct sandbox_result *result) {
  for (size_t i = 0; i < result->created_count; i++) free(result->created[i].path);
  free(result->created);
  free(result->path);
  memset(result, 0, sizeof *result);
}
