// The caller's side while the program runs: passes signals on, hands the terminal over and takes it back, ends the run
// when it is interrupted.
#include "internal.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

/// An interrupted program gets the signal at once, SIGHUP half a second later (interactive shells ignore SIGTERM), and
/// three seconds in all.
enum { HANG_UP_AFTER_MS = 500, KILL_AFTER_MS = 3000 };

struct attendance {
  struct sandbox *sandbox;
  struct sandbox_result *result;
  int pidfd;
  struct termios outside, inside;
  bool has_inside;
  bool hung_up;  // SIGHUP was sent on account of an interruption
  bool ended;
  struct timespec interrupted;
};

static bool interrupts(int signal) { return signal == SIGINT || signal == SIGTERM || signal == SIGHUP; }

static void order(const struct attendance *attendance, int32_t value) {
  (void)!send(attendance->sandbox->channel, &value, sizeof value, MSG_NOSIGNAL);
}

static void kill_init(const struct attendance *attendance) {
  (void)syscall(SYS_pidfd_send_signal, attendance->pidfd, SIGKILL, NULL, 0);
}

/// The signals an attended run takes over, blocked in this thread so far. What was ignored stays ignored: nohup(1).
int sandbox_watch_signals(sigset_t *watched) {
  static const int signals[] = {SIGHUP,  SIGINT,  SIGQUIT,  SIGTERM, SIGUSR1,
                                SIGUSR2, SIGCONT, SIGWINCH, SIGTSTP};
  sigemptyset(watched);
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
    struct sigaction action;
    if (sigaction(signals[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN) sigaddset(watched, signals[i]);
  }
  return signalfd(-1, watched, SFD_CLOEXEC | SFD_NONBLOCK);
}

/// A signal that came before the program was started, or 0.
int sandbox_pending_interruption(const sigset_t *watched) {
  static const struct timespec now = {0};
  sigset_t interrupting;
  sigemptyset(&interrupting);
  for (int signal = 1; signal < NSIG; signal++)
    if (interrupts(signal) && sigismember(watched, signal) == 1) sigaddset(&interrupting, signal);
  int signal = sigtimedwait(&interrupting, NULL, &now);
  return signal > 0 ? signal : 0;
}

static void give_terminal(struct attendance *attendance) {
  (void)tcgetattr(0, &attendance->outside);
  if (attendance->has_inside) (void)tcsetattr(0, TCSADRAIN, &attendance->inside);
  attendance->sandbox->foreground = true;
  order(attendance, ORDER_FOREGROUND);
}

/// SIGTTOU is blocked, so this works from the background.
static void take_terminal(struct attendance *attendance) {
  if (!attendance->sandbox->foreground) return;
  attendance->has_inside = tcgetattr(0, &attendance->inside) == 0;
  (void)tcsetpgrp(0, getpgrp());
  (void)tcsetattr(0, TCSADRAIN, &attendance->outside);
  attendance->sandbox->foreground = false;
}

/// Goes on after a stop, or on SIGCONT from the shell outside: "fg" made us the foreground group before, "bg" did not.
static void resume(struct attendance *attendance) {
  if (attendance->sandbox->own_group && tcgetpgrp(0) == getpgrp())
    give_terminal(attendance);
  else
    order(attendance, SIGCONT);
}

static int milliseconds_since(const struct timespec *start) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int)((now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000);
}

/// `delivered`: the program got the signal from the terminal, as a member of our process group.
static void interrupt(struct attendance *attendance, int signal, bool delivered) {
  if (attendance->result->interruption != 0) {
    // A hang-up is reported more than once: by the kernel and by the shell.
    if (signal != SIGHUP) kill_init(attendance);
    return;
  }
  attendance->result->interruption = signal;
  clock_gettime(CLOCK_MONOTONIC, &attendance->interrupted);
  if (!delivered) order(attendance, signal);
  order(attendance, SIGCONT);
}

/// Milliseconds until the next step is due, -1 if there is none.
static int hasten_end(struct attendance *attendance) {
  if (attendance->result->interruption == 0) return -1;
  int elapsed = milliseconds_since(&attendance->interrupted);
  if (elapsed >= KILL_AFTER_MS) {
    kill_init(attendance);
    return -1;
  }
  if (elapsed < HANG_UP_AFTER_MS) return HANG_UP_AFTER_MS - elapsed;
  if (!attendance->hung_up) {
    order(attendance, SIGHUP);
    order(attendance, SIGCONT);
    attendance->hung_up = true;
  }
  return KILL_AFTER_MS - elapsed;
}

/// Stops this process group as the program was stopped, so that the shell outside takes over. Returns when we go on.
/// The kernel ignores the signal if no shell is there to resume us (setpgid(2), orphaned process group): false.
bool sandbox_stop_self(int signal) {
  static const struct timespec moment = {.tv_nsec = 100000000};
  sigset_t stop, resumed, previous;
  sigemptyset(&stop);
  sigaddset(&stop, signal);
  sigemptyset(&resumed);
  sigaddset(&resumed, SIGCONT);
  pthread_sigmask(SIG_UNBLOCK, &stop, &previous);
  (void)kill(0, signal);
  bool stopped = sigtimedwait(&resumed, NULL, &moment) == SIGCONT;
  pthread_sigmask(SIG_SETMASK, &previous, NULL);
  return stopped;
}

static void program_stopped(struct attendance *attendance, int signal) {
  if (!attendance->sandbox->plan->attended) return;  // whoever stopped it will resume it
  if (attendance->result->interruption != 0) {
    order(attendance, SIGCONT);
    return;
  }
  take_terminal(attendance);
  if (!sandbox_stop_self(signal == SIGTTIN || signal == SIGTTOU ? signal : SIGTSTP) && signal != SIGTSTP && signal != SIGSTOP) {
    interrupt(attendance, SIGHUP, false);  // it would wait for the terminal for ever
    return;
  }
  resume(attendance);
}

static void pass_signals(struct attendance *attendance, int signals) {
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof info) == sizeof info) {
    int signal = (int)info.ssi_signo;
    bool delivered = info.ssi_code == SI_KERNEL && !attendance->sandbox->own_group;
    if (interrupts(signal))
      interrupt(attendance, signal, delivered);
    else if (signal == SIGCONT)
      resume(attendance);
    else if (!delivered)
      order(attendance, signal);
  }
}

static void note_created(struct sandbox_result *result, const struct message *message) {
  size_t count = result->created_count;
  struct sandbox_created *created = realloc(result->created, (count + 1) * sizeof *created);
  if (!created) return;
  result->created = created;
  created[count] = (struct sandbox_created){strdup(message->path), message->parent_before, message->parent_after};
  if (created[count].path) result->created_count++;
}

static void note(struct attendance *attendance, const struct message *message) {
  struct sandbox_result *result = attendance->result;
  switch (message->kind) {
    case MESSAGE_FAILED:
      result->error = message->value;
      result->step = (enum sandbox_step)message->step;
      result->path = *message->path ? strdup(message->path) : NULL;
      break;
    case MESSAGE_CREATED: note_created(result, message); break;
    case MESSAGE_SKIPPED: attendance->sandbox->plan->binds[message->step].skipped = message->value; break;
    case MESSAGE_READY: attendance->ended = true; break;
    case MESSAGE_STOPPED: program_stopped(attendance, message->value); break;
    case MESSAGE_ENDED:
      result->wait_status = message->value;
      sandbox_pass_on_input(attendance->sandbox, message->input_offset);
      attendance->ended = true;
      break;
  }
}

/// False when init is gone. It is the last process inside to end, so no more messages will come.
static bool listen_to_init(struct attendance *attendance) {
  struct message message;
  ssize_t length = recv(attendance->sandbox->channel, &message, sizeof message, 0);
  // ECONNRESET: init has exited without reading our last order. It comes before the messages init has left, once.
  if (length < 0 && (errno == EINTR || errno == ECONNRESET)) return true;
  if (length < (ssize_t)offsetof(struct message, path)) return false;
  note(attendance, &message);
  return true;
}

/// The end of the program was not reported: init was killed, by us or by another process.
static void init_died(struct sandbox_result *result) {
  if (result->interruption != 0) {
    result->wait_status = SIGKILL;
  } else if (result->error == 0) {
    result->error = ECHILD;
    result->step = SANDBOX_STEP_INIT_DIED;
  }
}

/// Notes what init says of the set-up, until it is ready. False if the set-up has failed.
bool sandbox_listen_to_setup(struct sandbox *sandbox, struct sandbox_result *result) {
  struct attendance attendance = {.sandbox = sandbox, .result = result};
  while (!attendance.ended && result->error == 0 && listen_to_init(&attendance)) {}
  if (!attendance.ended) init_died(result);
  return attendance.ended;
}

/// A hang-up shows as POLLHUP even when no signal comes. nohup(1) means that it does not matter.
static int terminal_to_watch(const struct sandbox *sandbox) {
  struct sigaction action;
  bool ignored = sigaction(SIGHUP, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
  if (!sandbox->plan->attended || ignored) return -1;
  for (int stream = 0; stream < 3; stream++)
    if (isatty(stream)) return stream;
  return -1;
}

/// Returns when init has reported the end of the program, or is gone. `signals` is a signalfd(2), or -1.
void sandbox_attend(struct sandbox *sandbox, int pidfd, int signals, struct sandbox_result *result) {
  enum { INIT, SIGNALS, CANCELLATION, TERMINAL, SOURCES };
  struct attendance attendance = {.sandbox = sandbox, .result = result, .pidfd = pidfd};
  if (sandbox->foreground) (void)tcgetattr(0, &attendance.outside);
  struct pollfd sources[SOURCES] = {
      [INIT] = {.fd = sandbox->channel, .events = POLLIN},
      [SIGNALS] = {.fd = signals, .events = POLLIN},
      [CANCELLATION] = {.fd = sandbox->plan->cancellation, .events = POLLIN},
      [TERMINAL] = {.fd = terminal_to_watch(sandbox), .events = 0},  // POLLHUP and POLLERR always come
  };
  while (!attendance.ended) {
    if (poll(sources, SOURCES, hasten_end(&attendance)) < 0) continue;
    if (sources[SIGNALS].revents) pass_signals(&attendance, signals);
    if (sources[CANCELLATION].revents) {
      sources[CANCELLATION].fd = -1;
      interrupt(&attendance, SIGTERM, false);
    }
    if (sources[TERMINAL].revents) {
      sources[TERMINAL].fd = -1;
      interrupt(&attendance, SIGHUP, false);
    }
    if (sources[INIT].revents && !listen_to_init(&attendance)) break;
  }
  if (!attendance.ended) init_died(result);
  take_terminal(&attendance);
}
