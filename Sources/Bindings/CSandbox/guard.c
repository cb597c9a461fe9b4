// Runs one program of the host, and ends it with everything that it has started if the caller ends first. A parent-death
// signal (prctl(2), PR_SET_PDEATHSIG) would not do: it comes when a thread ends, and only to the program itself.
#include "internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <fcntl.h>
#include <unistd.h>

/// How long a program may take to end after SIGTERM.
enum { KILL_AFTER_MS = 2000 };

/// A message to the caller.
enum { PROGRAM_NOT_STARTED = 1, PROGRAM_ENDED };

static void tell(int channel, int32_t kind, int32_t value) {
  int32_t message[2] = {kind, value};
  (void)!send(channel, message, sizeof message, MSG_NOSIGNAL);
}

/// Kills what the program has started, and what that has: orphans become children of this process, a subreaper.
static _Noreturn void kill_all(void) {
  char path[64], children[4096];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
  for (;;) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? 0 : read(file, children, sizeof children - 1);
    if (file >= 0) close(file);
    children[length > 0 ? length : 0] = 0;
    for (char *rest = children, *word; (word = strtok_r(rest, " ", &rest));) (void)kill((pid_t)atoi(word), SIGKILL);
    while (waitpid(-1, NULL, WNOHANG) > 0) {}
    if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD) _exit(0);
    struct timespec moment = {.tv_nsec = 2000000};
    (void)nanosleep(&moment, NULL);
  }
}

static _Noreturn void execute(const struct sandbox_host_program *program, int report) {
  sigset_t none;
  sigemptyset(&none);
  if (program->own_session) {
    (void)setpgid(0, 0);
  } else {
    // The caller ignores the keys while an editor has the terminal; the editor does not.
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGQUIT, SIG_DFL);
  }
  (void)sigprocmask(SIG_SETMASK, &none, NULL);
  (void)execvp(program->arguments[0], program->arguments);
  int32_t error = errno;
  (void)!write(report, &error, sizeof error);
  _exit(127);
}

/// Puts the caller's descriptors at 0, 1 and 2, and closes all others: locks of the caller are among them.
static void take_descriptors(const struct sandbox_host_program *program, int *channel) {
  int copies[4];
  for (int stream = 0; stream < 3; stream++) copies[stream] = fcntl(program->streams[stream], F_DUPFD, 10);
  copies[3] = fcntl(*channel, F_DUPFD_CLOEXEC, 10);
  for (int stream = 0; stream < 3; stream++)
    if (copies[stream] < 0 || dup2(copies[stream], stream) < 0) _exit(126);
  if (copies[3] < 0 || dup3(copies[3], 3, O_CLOEXEC) < 0 || close_range(4, ~0U, 0) != 0) _exit(126);
  *channel = 3;
}

/// Returns when the program has been executed: its process, or -1 and errno.
static pid_t start(const struct sandbox_host_program *program) {
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return -1;
  pid_t child = sandbox_clone(0, NULL, SIGCHLD, -1);
  if (child == 0) execute(program, report[1]);
  close(report[1]);
  int32_t error = 0;
  ssize_t length = child < 0 ? 0 : read(report[0], &error, sizeof error);
  close(report[0]);
  if (child < 0 || length != sizeof error) return child;
  (void)waitpid(child, NULL, 0);
  errno = error;
  return -1;
}

static _Noreturn void guard(const struct sandbox_host_program *program, int channel) {
  (void)prctl(PR_SET_NAME, "ast-guard");
  (void)prctl(PR_SET_DUMPABLE, 0);
  (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (program->own_session) (void)setsid();
  take_descriptors(program, &channel);
  sigset_t ended;
  sigemptyset(&ended);
  sigaddset(&ended, SIGCHLD);
  int signals = signalfd(-1, &ended, SFD_CLOEXEC | SFD_NONBLOCK);
  pid_t child = signals < 0 ? -1 : start(program);
  if (child < 0) {
    tell(channel, PROGRAM_NOT_STARTED, errno);
    _exit(0);
  }
  // The ends of pipes must be the program's alone.
  for (int stream = 0; stream < 3; stream++) close(stream);
  struct pollfd sources[] = {{.fd = signals, .events = POLLIN}, {.fd = channel, .events = POLLIN}};
  bool ending = false;
  for (;;) {
    int status;
    pid_t reaped;
    while ((reaped = waitpid(-1, &status, WNOHANG)) > 0) {
      if (reaped != child) continue;
      if (ending) {
        tell(channel, PROGRAM_ENDED, status);
        kill_all();
      }
      tell(channel, PROGRAM_ENDED, status);
      _exit(0);
    }
    int count = poll(sources, 2, ending ? KILL_AFTER_MS : -1);
    if (count == 0) kill_all();
    if (count < 0) continue;
    struct signalfd_siginfo ignored;
    if (sources[0].revents) (void)!read(signals, &ignored, sizeof ignored);
    if (!sources[1].revents) continue;
    char order;
    if (recv(channel, &order, 1, 0) != 1) kill_all();  // the caller is gone
    (void)kill(program->own_session ? -child : child, SIGTERM);
    ending = true;
  }
}

int sandbox_host_program_start(const struct sandbox_host_program *program, int *channel) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return -1;
  sigset_t all, previous;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &previous);
  pid_t process = sandbox_clone(0, NULL, SIGCHLD, -1);
  if (process == 0) guard(program, ends[1]);
  int error = errno;
  pthread_sigmask(SIG_SETMASK, &previous, NULL);
  close(ends[1]);
  if (process < 0) close(ends[0]);
  *channel = ends[0];
  errno = error;
  return process;
}

int sandbox_host_program_read(int channel, int *status) {
  int32_t message[2];
  ssize_t length;
  while ((length = recv(channel, message, sizeof message, 0)) < 0 && errno == EINTR) {}
  if (length != sizeof message) {
    errno = ECHILD;
    return -1;
  }
  if (message[0] == PROGRAM_NOT_STARTED) {
    errno = message[1];
    return -1;
  }
  *status = message[1];
  return 0;
}

void sandbox_host_program_end(int channel) { (void)!send(channel, "", 1, MSG_NOSIGNAL); }
