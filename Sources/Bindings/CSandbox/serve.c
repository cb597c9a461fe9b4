// The first process of a sandbox that stays open. For each call it starts a leader, which has the program as its child: a
// program whose parent is in another session could not be stopped from the keyboard (setpgid(2), orphaned process group),
// and the terminal must outlive the program, because its end would end what the program has left running.
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/// Leaders that live: those of calls, and those of terminals whose call has ended.
enum { MOST_LEADERS = 256 };

struct leader {
  pid_t pid;  // 0 for a free place
  int32_t call;
};

/// The process group of each leader's program, which the leader writes; 0 once the program is being reaped.
static pid_t *groups;

static void tell(const struct sandbox *sandbox, const struct sandbox_call_message *message, const int *descriptor) {
  while (sandbox_call_send(sandbox->channel, message, NULL, 0, descriptor, descriptor ? 1 : 0) != 0 && errno == EINTR) {}
}

static void refuse(const struct sandbox *sandbox, int32_t call, int error, int step) {
  struct sandbox_call_message message = {.kind = SANDBOX_CALL_FAILED, .call = call, .value = error, .words = step};
  tell(sandbox, &message, NULL);
}

/// Lists the words of a file in memory of our own: the C library's could be locked in a copy of a process with threads.
static char **list_words(int file, const struct sandbox_call_message *start, char ***environment) {
  struct stat status;
  if (fstat(file, &status) != 0 || status.st_size == 0 || start->value < 1 || start->words < start->value) return NULL;
  size_t room = ((size_t)start->words + 6) * sizeof(char *);
  char *text = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  char **list = mmap(NULL, 2 * room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (text == MAP_FAILED || list == MAP_FAILED) return NULL;
  char *end = text + status.st_size;
  char **next = list;
  for (int32_t word = 0; word < start->words; word++) {
    char *stop = text < end ? memchr(text, 0, (size_t)(end - text)) : NULL;
    if (!stop) return NULL;
    if (word == start->value) *environment = ++next;  // behind the null pointer that ends the arguments
    *next++ = text;
    text = stop + 1;
  }
  if (start->words == start->value) *environment = next;
  return list;
}

/// The program of a call; its messages go to the leader.
static _Noreturn void program(const struct sandbox *sandbox, const struct sandbox_call_message *start, int words,
                              const int *streams) {
  struct sandbox_plan plan = *sandbox->plan;
  struct sandbox own = *sandbox;
  own.plan = &plan;
  char **environment = NULL;
  char **arguments = list_words(words, start, &environment);
  for (int stream = 0; stream < 3; stream++)
    if (dup2(streams[stream], stream) < 0) sandbox_fail(&own, SANDBOX_STEP_STREAMS, NULL);
  if (!arguments) {
    errno = ENOMEM;
    sandbox_fail(&own, SANDBOX_STEP_PREPARE, NULL);
  }
  plan.arguments = arguments;
  plan.environment = environment;
  // As many words again, for a script without "#!".
  own.shell_words = arguments + start->words + 6;
  own.own_group = true;
  own.foreground = start->terminal;
  sandbox_program(&own);
}

/// What the program says about its own start: it could not.
static bool has_failed(int channel, struct sandbox_call_message *message) {
  struct message failure;
  if (recv(channel, &failure, sizeof failure, MSG_DONTWAIT) <= 0) return false;
  message->kind = SANDBOX_CALL_FAILED;
  message->value = failure.value;
  message->words = failure.step;
  return true;
}

/// Starts the program in a session of its own, reports how it stops and ends, and stays while the terminal has processes.
static _Noreturn void lead(struct sandbox *sandbox, int place, const struct sandbox_call_message *start, int words,
                           const int *streams) {
  int report[2];
  (void)setsid();
  (void)prctl(PR_SET_NAME, "ast-call");
  if (start->terminal) {
    (void)ioctl(streams[0], TIOCSCTTY, 0);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
  }
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report) != 0) {
    refuse(sandbox, start->call, errno, SANDBOX_STEP_PREPARE);
    _exit(126);
  }
  pid_t child = sandbox_clone(0, NULL, SIGCHLD, -1);
  if (child == 0) {
    sandbox->channel = report[1];
    program(sandbox, start, words, streams);
  }
  if (child < 0) {
    refuse(sandbox, start->call, errno, SANDBOX_STEP_FORK);
    _exit(126);
  }
  (void)setpgid(child, child);
  groups[place] = child;
  close(report[1]);
  close(words);
  for (int stream = 0; stream < 3; stream++) close(streams[stream]);
  for (;;) {
    siginfo_t info = {0};
    if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WNOWAIT) != 0) {
      if (errno == EINTR) continue;
      _exit(0);  // nothing is left
    }
    bool stopped = info.si_code == CLD_STOPPED;
    if (info.si_pid == child && !stopped) groups[place] = 0;  // before its number is free
    int status;
    if (waitpid(info.si_pid, &status, WUNTRACED | WNOHANG) != child) continue;
    struct sandbox_call_message message = {.kind = stopped ? SANDBOX_CALL_STOPPED : SANDBOX_CALL_ENDED,
                                           .call = start->call,
                                           .value = stopped ? WSTOPSIG(status) : status};
    if (!stopped) (void)has_failed(report[0], &message);
    tell(sandbox, &message, NULL);
    if (!stopped && !start->terminal) _exit(0);
  }
}

/// Opens a terminal of the sandbox's own instance of devpts; the outer end goes to the attendant.
static bool open_terminal(const struct sandbox *sandbox, const struct sandbox_call_message *start, int *streams) {
  int unlocked = 0;
  int outer = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (outer < 0) return false;
  int inner = ioctl(outer, TIOCSPTLCK, &unlocked) == 0 ? ioctl(outer, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
  if (inner >= 0) {
    struct termios modes;
    memcpy(&modes, start->modes, sizeof modes);
    (void)tcsetattr(inner, TCSANOW, &modes);
    (void)ioctl(inner, TIOCSWINSZ, &start->size);
    struct sandbox_call_message message = {.kind = SANDBOX_CALL_STREAMS, .call = start->call};
    tell(sandbox, &message, &outer);
    streams[0] = inner;
    streams[1] = fcntl(inner, F_DUPFD_CLOEXEC, 3);
    streams[2] = fcntl(inner, F_DUPFD_CLOEXEC, 3);
  }
  int error = errno;
  close(outer);
  errno = error;
  return inner >= 0;
}

static void start_call(struct sandbox *sandbox, struct leader *leaders, const struct sandbox_call_message *start,
                       const int *given, int count) {
  int streams[3] = {-1, -1, -1};
  if (!start->terminal && count == 4) memcpy(streams, given + 1, sizeof streams);
  int place = 0;
  while (place < MOST_LEADERS && leaders[place].pid != 0) place++;
  if (place == MOST_LEADERS || count < 1) {
    refuse(sandbox, start->call, EAGAIN, SANDBOX_STEP_FORK);
  } else if (start->terminal && !open_terminal(sandbox, start, streams)) {
    refuse(sandbox, start->call, errno, SANDBOX_STEP_STREAMS);
  } else {
    groups[place] = 0;
    pid_t leader = sandbox_clone(0, NULL, SIGCHLD, -1);
    if (leader == 0) lead(sandbox, place, start, given[0], streams);
    if (leader < 0) refuse(sandbox, start->call, errno, SANDBOX_STEP_FORK);
    if (leader > 0) leaders[place] = (struct leader){leader, start->call};
  }
  if (start->terminal)
    for (int stream = 0; stream < 3; stream++)
      if (streams[stream] >= 0) close(streams[stream]);
}

static void obey(struct sandbox *sandbox, struct leader *leaders) {
  static char text[SANDBOX_CALL_PART];
  struct sandbox_call_message message;
  int descriptors[SANDBOX_CALL_DESCRIPTORS], count = 0;
  if (sandbox_call_receive(sandbox->channel, &message, text, descriptors, &count) < 0) _exit(0);  // the attendant is gone
  if (message.kind == SANDBOX_CALL_START) start_call(sandbox, leaders, &message, descriptors, count);
  for (int place = 0; message.kind == SANDBOX_CALL_SIGNAL && place < MOST_LEADERS; place++)
    if (leaders[place].pid != 0 && leaders[place].call == message.call && groups[place] > 0)
      (void)kill(-groups[place], message.value);
  for (int index = 0; index < count; index++) close(descriptors[index]);
}

static void reap(struct leader *leaders) {
  pid_t child;
  while ((child = waitpid(-1, NULL, WNOHANG)) > 0)
    for (int place = 0; place < MOST_LEADERS; place++)
      if (leaders[place].pid == child) leaders[place] = (struct leader){0, 0};
}

void sandbox_serve(const struct sandbox *sandbox) {
  static struct leader leaders[MOST_LEADERS];
  struct sandbox own = *sandbox;
  // What the opener ignores would be ignored in each program for hours.
  static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT};
  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) (void)signal(ignored[i], SIG_DFL);
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  int signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  groups = mmap(NULL, MOST_LEADERS * sizeof *groups, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (signals < 0 || groups == MAP_FAILED) sandbox_fail(sandbox, SANDBOX_STEP_FORK, NULL);
  struct message ready = {.kind = MESSAGE_READY};
  sandbox_tell(sandbox, &ready, NULL);
  struct pollfd sources[] = {{.fd = signals, .events = POLLIN}, {.fd = own.channel, .events = POLLIN}};
  for (;;) {
    reap(leaders);
    if (poll(sources, 2, -1) < 0 && errno != EINTR) _exit(126);
    struct signalfd_siginfo ignored_info;
    if (sources[0].revents) (void)!read(signals, &ignored_info, sizeof ignored_info);
    if (sources[1].revents) obey(&own, leaders);
  }
}
